"""Experiments of hyper-parameters: one decision for each parameter, one assignment for each decision."""

from __future__ import annotations

from collections.abc import Mapping

from nascore.errors import ArchitectureError
from nascore.space import Architecture, SearchSpace
from nascore.space.path import escape

from nas_katib.parameters import Parameter


class FlatForm:
    """The space of some parameters, and its architectures as Katib writes them.

    Args:
        parameters: The parameters.

    Raises:
        SpaceError: They make no valid space, for example because two have one name.
    """

    def __init__(self, parameters: tuple[Parameter, ...]) -> None:
        self._parameters = {escape(parameter.name): parameter for parameter in parameters}
        self.space = SearchSpace(tuple(parameter.node for parameter in parameters))

    def assignments(self, architecture: Architecture) -> dict[str, str]:
        """Return what a trial is given, by parameter."""
        return {each.name: each.text(architecture[path]) for path, each in self._parameters.items()}

    def architecture(self, assignments: Mapping[str, str]) -> Architecture:
        """Return what a trial was given.

        Raises:
            ArchitectureError: It is not of this space.
        """
        missing = [each.name for each in self._parameters.values() if each.name not in assignments]
        if missing:
            raise ArchitectureError(f"There is no value for {', '.join(missing[:5])}.")
        values = {path: each.value(assignments[each.name]) for path, each in self._parameters.items()}
        self.space.check(found := Architecture(values))
        return found
