"""A choice that is a module: what LayerChoice, InputChoice and Repeat have in common."""

from __future__ import annotations

from nascore.space import Node
from torch import nn

from nas_trial.construction import construction
from nas_trial.decision import Decision


class Choice(nn.Module):
    """A module that makes a decision when it is constructed.

    Args:
        node: What it offers, without what is nested in it.
        label: Its label, or None.
    """

    _decision: Decision

    def __init__(self, node: Node, *, label: str | None) -> None:
        super().__init__()
        self._decision = construction().decide(node, type(self).__name__, label=label)


def decision_of(choice: Choice) -> Decision:
    """The decision that a choice made; not an attribute, for a candidate may have any name."""
    return choice._decision


def holds_choices(module: nn.Module) -> bool:
    """Whether there is a choice in the module, or it is one."""
    return any(isinstance(part, Choice) for part in module.modules())
