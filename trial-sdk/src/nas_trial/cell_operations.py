"""The operations that a cell offers at one place: makers by name, each for any place or for a certain one.

Not here: choosing among them (``cell_nodes``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from nascore.errors import SpaceError
from torch import nn

from nas_trial.construction import described
from nas_trial.decision import Decision
from nas_trial.following import Following
from nas_trial.layer_choice import LayerChoice

_FACTORY = (
    "Give a callable that makes a module, without arguments or with three, the numbers of the node, the operation and "
    "the input: nn.Identity, or lambda node, operation, input_: Convolution(stride=2 if input_ < 2 else 1)."
)

MakeAnywhere = Callable[[], nn.Module]
MakeFor = Callable[[int, int, int], nn.Module]
Operation = MakeAnywhere | MakeFor


@dataclass(frozen=True, slots=True)
class Operations:
    """What there is to choose from wherever a cell computes something.

    Attributes:
        makers: What makes each operation, by name.
        placed: Names of those that are made for a certain place.
        search_only: Names of those that take part in mixtures only.
        owner: Label of the cell, for errors.
    """

    makers: Mapping[str, Operation]
    placed: frozenset[str]
    search_only: Collection[str]
    owner: str | None

    def at(self, node: int, operation: int, *, source: int | Decision, label: str | None) -> LayerChoice:
        """The choice at one place.

        Args:
            node: Number of the node.
            operation: Number of the operation within the node.
            source: Number of its input, or the decision which input that is.
            label: Label of the decision.
        """
        candidates = {name: self._candidate(name, (node, operation), source=source) for name in self.makers}
        return LayerChoice(candidates, label=label, search_only=self.search_only)

    def _candidate(self, name: str, place: tuple[int, int], *, source: int | Decision) -> MakeAnywhere:
        make = self.makers[name]
        if name not in self.placed:
            return cast("MakeAnywhere", make)
        if isinstance(source, int):
            return lambda: self._made(name, (*place, source))
        return lambda: Following(source, lambda key: self._made(name, (*place, int(key))))

    def _made(self, name: str, place: tuple[int, int, int]) -> nn.Module:
        made: object = cast("MakeFor", self.makers[name])(*place)
        if not isinstance(made, nn.Module):
            raise SpaceError(
                f"{described('Cell', self.owner)}: operation {name!r} made {made!r}, no module, for node {place[0]}, "
                f"operation {place[1]}, input {place[2]}.",
                hint=_FACTORY,
            )
        return made


def operations_of(operations: object, *, search_only: Collection[str], label: str | None) -> Operations:
    """The operations of a cell, as they were given.

    Raises:
        SpaceError: There are none, or one cannot make a module for a place.
    """
    if not isinstance(operations, (Mapping, Sequence)) or isinstance(operations, str) or not operations:
        raise SpaceError(
            f"{described('Cell', label)}: the operations are {operations!r}.",
            hint="Give a dictionary of callables by name, or a list of them.",
        )
    named = operations if isinstance(operations, Mapping) else dict(enumerate(operations))
    makers = {str(name) if isinstance(name, int) else name: make for name, make in named.items()}
    for name, make in makers.items():
        _check(name, make, label)
    placed = frozenset(name for name, make in makers.items() if not _binds(make))
    return Operations(makers, placed, search_only, label)


def _check(name: str, make: object, label: str | None) -> None:
    if isinstance(make, nn.Module) or not callable(make):
        raise SpaceError(
            f"{described('Cell', label)}: operation {name!r} is {type(make).__name__} {make!r}, which cannot make a "
            "module of its own for every node.",
            hint=_FACTORY,
        )
    if not _binds(make) and not _binds(make, 0, 0, 0):
        raise SpaceError(
            f"{described('Cell', label)}: operation {name!r} can be called neither without arguments nor with three.",
            hint=_FACTORY,
        )


def _binds(make: Callable[..., object], *arguments: int) -> bool:
    try:
        inspect.signature(make).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a callable of an extension module, which does not tell
        return not arguments
    return True
