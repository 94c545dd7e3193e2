"""Annotated code under ``nas.run``, ``nas.search`` and ``nas.connect``: its choices become choices of the model.

Compiled code says what it offers in its search space, and not while the model is constructed. So the model's factory is
replaced by one that first makes every choice of the space, and then the model: the space that is read from it, and
every network that is built from it, holds both the annotated choices and those of the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn

from nas_trial.annotated.program import PROGRAMS, TRIAL
from nas_trial.construction import construction
from nas_trial.mixing import Mixing
from nas_trial.nni import reports

if TYPE_CHECKING:
    from nascore.space import SearchSpace

    from nas_trial.annotated.choices import Decided
    from nas_trial.decision import Decision
    from nas_trial.extract import Factory
    from nas_trial.trial import Trial


class DeclaredFactory:
    """Makes a model after every choice of a space.

    Args:
        factory: Makes the model.
        space: What its annotated code offers.
    """

    def __init__(self, factory: Factory, space: SearchSpace) -> None:
        self.factory = factory
        self._space = space

    def __call__(self) -> nn.Module:
        """Make the model; from then on its annotated code does what was decided for it."""
        current = construction()
        decisions = {node.label: current.decide(node, "annotation", label=node.label) for node in self._space.nodes}
        source = _Decisions(decisions)
        with TRIAL.deciding(source):
            model = self.factory()
        # While a space is read nothing has a path yet, and what was decided for an earlier model still holds.
        is_read = any(decision.is_open and not decision.path for decision in decisions.values())
        if current.creates_everything or not is_read:
            TRIAL.source = source
        return model


class _Decisions:
    """What is decided, asked anew each time: an activated supernet changes its mind."""

    def __init__(self, decisions: Mapping[str, Decision]) -> None:
        self._decisions = decisions

    def __call__(self, label: str) -> Decided | None:
        decision = self._decisions.get(label)
        if decision is None:
            return None
        return decision.value if decision.mixing is None else decision.get()

    def mixing(self, label: str) -> Mixing | None:
        """See `MixedSource`."""
        decision = self._decisions.get(label)
        return None if decision is None else decision.mixing


def declared(factory: Factory) -> Factory:
    """Return a factory with the choices of the annotated code of this process; itself if there is none."""
    reports.RUN.is_served = True
    space = PROGRAMS.space
    if space is None or isinstance(factory, DeclaredFactory):
        return factory
    known = _KNOWN.get("last")
    if known is None or known.factory != factory:
        known = _KNOWN["last"] = DeclaredFactory(factory, space)
    return known


_KNOWN: dict[str, DeclaredFactory] = {}


def declare(trial: Trial) -> None:
    """Let a trial's ``build`` make the choices of the annotated code of this process, too."""
    built = declared(trial.build)
    if isinstance(built, DeclaredFactory):
        trial.build = built  # type: ignore[method-assign]  # this object's alone
