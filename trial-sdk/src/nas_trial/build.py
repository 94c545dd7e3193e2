"""Builds a network from a model with choices in it: one architecture, or everything.

Not here: reading the space (``extract``), switching a supernet (``supernet``).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from nascore.errors import InvalidInputError, SpaceError
from nascore.space import Architecture, Constraint, Node, Repeat
from nascore.space import path as paths
from torch import nn

from nas_trial.construction import Scope, ScopedConstruction, constructing, described, labelled
from nas_trial.decision import Decision, shallow
from nas_trial.extract import EXTRACTIONS, Extracted, Factory, check_factory, checked_model, extract_all
from nas_trial.supernet import check_architecture, mark_supernet


def build(factory: Factory, architecture: Mapping[str, object] | None) -> nn.Module:
    """Builds a network.

    Every tensor has the same key in the network of an architecture as in the supernet.

    Args:
        factory: Makes the model, without arguments, such as its class.
        architecture: What is decided, by path; then only what was chosen is created. None: everything is created, a
            supernet, which computes nothing until `nas_trial.activate` is called.

    Raises:
        SpaceError: The choices do not make a space, or the factory does not make the same model every time.
        ArchitectureError: The architecture does not belong to the space; every violation is listed with its path.
    """
    check_factory(factory)
    if architecture is not None:
        check_architecture(architecture)
    known = EXTRACTIONS.get(factory)
    if known is not None:
        try:
            return _built(factory, known, architecture)
        except InvalidInputError:
            # The factory may build something else by now, so what is remembered proves nothing: read it again.
            pass
    return _built(factory, extract_all(factory), architecture)


class Blueprint(ScopedConstruction):
    """Creates what an architecture chose, or everything if there is none.

    Args:
        extracted: The space, read from the same model.
        architecture: What is decided; it belongs to the space.

    Attributes:
        decisions: What was met, by path.
    """

    def __init__(self, extracted: Extracted, architecture: Architecture | None) -> None:
        super().__init__()
        self.decisions: dict[str, Decision] = {}
        self.creates_everything = architecture is None
        self._extracted = extracted
        self._architecture = architecture

    def decide(self, node: Node, kind: str, *, label: str | None) -> Decision:
        """See `Construction.decide`."""
        identity = self._scopes[-1].identify(kind, label)
        path = self._path(self._extracted.label(identity))
        if path is None or (self._architecture is not None and path not in self._architecture):
            raise _changed(f"{described(kind, label)} was not met when the space was read")
        if labelled(shallow(self._extracted.table[path]), "") != labelled(node, ""):
            raise _changed(f"{described(kind, label)} offered something else when the space was read")
        if path not in self.decisions:
            value = None if self._architecture is None else self._architecture[path]
            self.decisions[path] = Decision(identity, node, path=path, value=value, is_open=self.creates_everything)
        return self.decisions[path]

    def inside(self, decision: Decision, branch: str | int) -> AbstractContextManager[None]:
        """See `Construction.inside`."""
        path = decision.path
        if isinstance(branch, str):
            return self._within(Scope(decision.identity, branch, paths.child(path, branch)))
        is_tied = isinstance(decision.node, Repeat) and decision.node.tied
        return self._within(Scope(decision.identity, "", path if is_tied else f"{path}[{branch}]"))

    def require(self, constraint: Constraint) -> None:
        """Nothing: the space has the constraint, and the architecture satisfies it."""

    def _path(self, label: str | None) -> str | None:
        """Path of the decision: a shared one lives in the innermost scope, from here outwards, that has its label."""
        if label is None:
            return None
        outwards = (paths.child(scope.path, label) for scope in reversed(self._scopes))
        return next((path for path in outwards if path in self._extracted.table), None)


def _built(factory: Factory, extracted: Extracted, architecture: Mapping[str, object] | None) -> nn.Module:
    checked = None if architecture is None else extracted.space.architecture(architecture)
    blueprint = Blueprint(extracted, checked)
    with constructing(blueprint):
        model = checked_model(factory())
    missing = sorted(extracted.expected(checked) - set(blueprint.decisions))
    if missing:
        raise _changed(f"the choice {missing[0]!r} was met when the space was read, and now was not")
    if checked is None:
        mark_supernet(model, extracted.space, blueprint.decisions)
    return model


def _changed(what: str) -> SpaceError:
    return SpaceError(
        f"The factory does not make the same model every time: {what}.",
        hint="Let the model depend on nothing that changes between two constructions.",
    )
