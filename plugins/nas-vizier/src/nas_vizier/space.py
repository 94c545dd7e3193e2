"""Vizier's search space as one of nascore, and parameters as architectures.

Parameters that depend on the value of another become children of a candidate. Vizier knows the same name in several
branches; here each is a decision of its own, with a label that says where it stands (``model=cnn depth``).

Not here: metrics and metadata (``study``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Architecture, Candidate, Integer, OneOf, Real, SearchSpace, Value
from nascore.space.path import child
from vizier import pyvizier

Plain = str | int | float | bool
"""What Vizier's parameters hold."""
MOST_BRANCHES = 1000
"""Values of an integer on which other parameters may depend."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter at one place.

    Attributes:
        name: Vizier's name for it.
        node: What there is to decide, with what depends on it.
        values: Vizier's values by key of a candidate; empty for ranges.
        children: What depends on it, by key of a candidate.
    """

    name: str
    node: OneOf | Integer | Real
    values: Mapping[str, Plain] = field(default_factory=dict)
    children: Mapping[str, tuple[Parameter, ...]] = field(default_factory=dict)

    def key(self, value: Plain) -> str:
        """Return the key of the candidate for a value of Vizier's.

        Raises:
            ArchitectureError: There is none.
        """
        for key, known in self.values.items():
            if known == value or str(known) == str(value):
                return key
        raise ArchitectureError(f"{self.name}: {str(value)[:40]!r} is not one of its values.")


class StudySpace:
    """The space of a study.

    Args:
        search_space: As Vizier describes it.

    Raises:
        SpaceError: It is empty, or has a parameter of a kind that is not known here.
    """

    def __init__(self, search_space: pyvizier.SearchSpace) -> None:
        self._parameters = tuple(_parameter(config, "") for config in search_space.parameters)
        if not self._parameters:
            raise SpaceError("The study has no parameters, so there is nothing to search.")
        self.space = SearchSpace(tuple(parameter.node for parameter in self._parameters))

    def parameters(self, architecture: Architecture) -> dict[str, Plain]:
        """Return what a trial is given: the parameters that are active, by name."""
        found: dict[str, Plain] = {}
        _write(self._parameters, architecture, found, prefix="")
        return found

    def architecture(self, parameters: Mapping[str, Plain]) -> Architecture:
        """Return what a trial was given.

        Raises:
            ArchitectureError: It is not of this space.
        """
        values: dict[str, Value] = {}
        _read(self._parameters, parameters, values, prefix="")
        self.space.check(found := Architecture(values))
        return found


def _parameter(config: pyvizier.ParameterConfig, where: str) -> Parameter:
    label = f"{where}{config.name}"
    kind, scale = config.type, config.scale_type
    branches = {value: space for value, space in config.subspaces() if space.parameters}
    if kind == pyvizier.ParameterType.CUSTOM:
        raise SpaceError(f"{config.name}: a custom parameter is not known here.")
    if kind in (pyvizier.ParameterType.DOUBLE, pyvizier.ParameterType.INTEGER) and not branches:
        low, high = config.bounds
        # Other scales have no counterpart; the range is searched evenly.
        is_log = scale == pyvizier.ScaleType.LOG and low > 0
        if kind == pyvizier.ParameterType.DOUBLE:
            return Parameter(config.name, Real(label, low, high, is_log))
        return Parameter(config.name, Integer(label, int(low), int(high), 1, is_log))
    return _branching(config, label, branches)


def _branching(
    config: pyvizier.ParameterConfig, label: str, branches: Mapping[Plain, pyvizier.SearchSpace]
) -> Parameter:
    values = {str(value): value for value in _values(config)}
    children = {
        str(value): tuple(_parameter(each, f"{label}={value} ") for each in space.parameters)
        for value, space in branches.items()
    }
    candidates = tuple(
        Candidate(
            key,
            None if isinstance(value, str) else value,
            tuple(each.node for each in children.get(key, ())),
        )
        for key, value in values.items()
    )
    return Parameter(config.name, OneOf(label, candidates), values, children)


def _values(config: pyvizier.ParameterConfig) -> list[Plain]:
    if config.type != pyvizier.ParameterType.INTEGER:
        return list(config.feasible_values)
    low, high = map(int, config.bounds)
    if high - low >= MOST_BRANCHES:
        raise SpaceError(
            f"{config.name}: other parameters depend on it, so it may have {MOST_BRANCHES} values at most."
        )
    return list(range(low, high + 1))


def _write(
    parameters: tuple[Parameter, ...], architecture: Architecture, found: dict[str, Plain], *, prefix: str
) -> None:
    for parameter in parameters:
        path = child(prefix, parameter.node.label)
        value = architecture[path]
        if not isinstance(parameter.node, OneOf):
            assert isinstance(value, (int, float))
            found[parameter.name] = value
            continue
        key = str(value)
        found[parameter.name] = parameter.values[key]
        _write(parameter.children.get(key, ()), architecture, found, prefix=child(path, key))


def _read(
    parameters: tuple[Parameter, ...], given: Mapping[str, Plain], values: dict[str, Value], *, prefix: str
) -> None:
    for parameter in parameters:
        if parameter.name not in given:
            raise ArchitectureError(f"There is no value for {parameter.name}.")
        path, value = child(prefix, parameter.node.label), given[parameter.name]
        if isinstance(parameter.node, OneOf):
            values[path] = key = parameter.key(value)
            _read(parameter.children.get(key, ()), given, values, prefix=child(path, key))
        else:
            values[path] = _number(parameter, value)


def _number(parameter: Parameter, value: Plain) -> int | float:
    try:
        number = float(value)
        whole = int(number)
    except (ValueError, OverflowError):
        raise ArchitectureError(f"{parameter.name}: {str(value)[:40]!r} is not a number.") from None
    if isinstance(parameter.node, Real):
        return number
    if whole != number:
        raise ArchitectureError(f"{parameter.name}: {number} is not a whole number.")
    return whole
