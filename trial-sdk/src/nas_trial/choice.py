"""A choice that is a module: what LayerChoice, InputChoice and Repeat have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any

from nascore.space import Node
from nascore.space import Value as Decided
from torch import nn

from nas_trial.construction import construction
from nas_trial.decision import Decision
from nas_trial.mixing import Mixing

Read = Callable[[Decision], Decided]
"""What is decided for a decision: now, or in an architecture."""


class Branching(ABC):
    """A module of whose children only some take part, by what is decided; a second base beside that of the module."""

    @abstractmethod
    def _taking_part(self, read: Read) -> Collection[str] | None:
        """Names of the children that take part, given what is decided; None if all do."""


class Choice(nn.Module, Branching):
    """A module that makes a decision when it is constructed.

    Args:
        node: What it offers, without what is nested in it.
        label: Its label, or None.
    """

    _decision: Decision

    def __init__(self, node: Node, *, label: str | None) -> None:
        super().__init__()
        self._decision = construction().decide(node, type(self).__name__, label=label)

    def forward(self, *args: Any, **kwargs: Any) -> object:  # as each kind of choice is called
        """What this computes under what is decided; in a supernet, under the active architecture or mixture.

        This is the one place where a choice turns what is decided into what is computed.

        Raises:
            StateError: This is part of a supernet, and nothing is active here.
            UnmixableError: A mixture is active, and what is offered here cannot be mixed.
        """
        mixing = self._decision.mixing
        if mixing is not None:
            return self._mixed(mixing, *args, **kwargs)
        return self._computed(self._decision.get(), *args, **kwargs)

    @abstractmethod
    def _computed(self, value: Decided, *args: Any, **kwargs: Any) -> object:
        """What this computes if ``value`` is decided, whatever is active."""

    @abstractmethod
    def _mixed(self, mixing: Mixing, *args: Any, **kwargs: Any) -> object:
        """The weighted sum of what this computes for all that is offered."""

    def _taking_part(self, read: Read) -> Collection[str] | None:
        return self._live(read(self._decision))

    def _live(self, value: Decided) -> Collection[str] | None:
        """Names of the children that take part under a decided value; None if all do."""
        return None


def decision_of(choice: Choice) -> Decision:
    """The decision that a choice made; not an attribute, for a candidate may have any name."""
    return choice._decision


def computed(choice: Choice, value: Decided, *args: object, **kwargs: object) -> object:
    """What a choice computes if ``value`` is decided, whatever is active."""
    return choice._computed(value, *args, **kwargs)


def live_children(module: nn.Module, read: Read) -> Collection[str] | None:
    """Names of a module's children that take part, given what is decided; None if all do."""
    return module._taking_part(read) if isinstance(module, Branching) else None


def holds_choices(module: nn.Module) -> bool:
    """Whether there is a choice in the module, or it is one."""
    return any(isinstance(part, Choice) for part in module.modules())
