"""A module for every candidate of a decision that was made elsewhere, of which the chosen one computes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import cast

from nascore.space import OneOf
from nascore.space import Value as Decided
from torch import nn

from nas_trial.choice import Choice
from nas_trial.construction import construction
from nas_trial.decision import Decision
from nas_trial.mixing import Mixing
from nas_trial.names import module_name


class Following(Choice):
    """Computes with what belongs to the chosen candidate of another choice; decides nothing itself.

    Choices within the candidates are shared by all of them: they do not depend on the decision that is followed.

    Args:
        decision: The decision, which chooses one candidate.
        make: Makes the module for a candidate, by its key.
    """

    def __init__(self, decision: Decision, make: Callable[[str], nn.Module]) -> None:
        nn.Module.__init__(self)
        self._decision = decision
        for candidate in cast("OneOf", decision.node).candidates:
            if decision.wants(candidate.key):
                with construction().variant():
                    self.add_module(module_name(candidate.key), make(candidate.key))

    def _live(self, value: Decided) -> Collection[str]:
        return (module_name(str(value)),)

    def _computed(self, value: Decided, *args: object, **kwargs: object) -> object:
        return cast("nn.Module", self._modules[module_name(str(value))])(*args, **kwargs)

    def _mixed(self, mixing: Mixing, *args: object, **kwargs: object) -> object:
        # Who follows is told by `following` which term of the mixture it computes, and never comes here.
        raise mixing.refusal("what depends on it is computed where it is not known which candidate that is")
