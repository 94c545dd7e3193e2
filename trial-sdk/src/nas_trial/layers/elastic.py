"""Layers whose sizes may be values: how a narrower layer is cut out of a wider one.

A size is cut from the start (the first ``n`` channels), a kernel at its centre, so that a 3 × 3 kernel within a 5 × 5
one with matching padding looks at the same pixels (Cai et al., Once-for-All, 2020, without its kernel transformation).
Strides, paddings, dilations and rates cut nothing; they are passed on as they are decided.

A layer keeps the arguments as they were written, reads them when it computes, and is the plain torch layer if none of
them is a value. Signatures are those of torch.nn. Not here: the layers (the other modules of this package).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from nascore.errors import SpaceError
from nascore.space import Literal
from torch import Tensor, nn

from nas_trial.construction import construction
from nas_trial.place import caller
from nas_trial.value_functions import is_same_value
from nas_trial.values import Value

Number = int | float | Value
Argument = Literal | Value | None | tuple[int | Value, ...]
Read = Callable[[Value], Literal]

Slices = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The arguments of a layer, read in one way: as they are now, under an architecture, or at their largest."""

    layer: str
    arguments: Mapping[str, Argument]
    read: Read

    def number(self, name: str) -> int | float:
        """A number.

        Raises:
            SpaceError: It is none.
        """
        return cast("int | float", self._checked(name, self._plain(self.arguments[name]), kinds=(int, float)))

    def whole(self, name: str) -> int:
        """A whole number.

        Raises:
            SpaceError: It is none.
        """
        return cast("int", self._checked(name, self._plain(self.arguments[name]), kinds=(int,)))

    def wholes(self, name: str, rank: int) -> tuple[int, ...]:
        """Whole numbers, one for each of ``rank`` dimensions; a single one stands for all.

        Raises:
            SpaceError: They are none, or of another number.
        """
        argument = self.arguments[name]
        parts = tuple(argument) if isinstance(argument, (tuple, list)) else (argument,) * rank
        if len(parts) != rank:
            raise SpaceError(f"{self.layer} at {caller()}: {name} has {len(parts)} numbers; write 1 or {rank}.")
        return tuple(cast("int", self._checked(name, self._plain(part), kinds=(int,))) for part in parts)

    def _plain(self, argument: object) -> object:
        return self.read(argument) if isinstance(argument, Value) else argument

    def _checked(self, name: str, found: object, *, kinds: tuple[type, ...]) -> object:
        if isinstance(found, kinds) and not isinstance(found, bool):
            return found
        noun = "whole number" if len(kinds) == 1 else "number"
        raise SpaceError(
            f"{self.layer} at {caller()}: {name} is {found!r}, which is not a {noun}.",
            hint="For a part of a width write width // 2, or round(width * 0.5).",
        )


class Elastic(nn.Module, ABC):
    """A layer that may take values; subclasses stand before the torch layer among the bases.

    Attributes:
        CENTRED_FROM: From this dimension on, sizes are cut at the centre; before, from the start.
    """

    CENTRED_FROM: ClassVar[int] = 1_000_000

    _arguments: dict[str, Argument]

    @abstractmethod
    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """The shape that each parameter and buffer has with these sizes; what is not named is not cut."""

    @property
    def is_elastic(self) -> bool:
        """Whether any argument is a value; a plain torch layer otherwise."""
        return any(True for _ in self.values())

    def values(self) -> Iterator[tuple[str, Value]]:
        """Arguments that are values, by name."""
        for name, argument in self._arguments.items():
            for part in argument if isinstance(argument, (tuple, list)) else (argument,):
                if isinstance(part, Value):
                    yield name, part

    def slices(self, read: Read) -> dict[str, Slices]:
        """Slices of all tensors of this layer's state, given how values are read."""
        cut = {
            name: self._cut(name, shape) for name, shape in self._shapes(read).items() if self._tensor(name) is not None
        }
        return {name: cut.get(name, whole) for name, whole in whole_slices(self).items()}

    def now(self) -> tuple[Sizes, dict[str, Tensor | None]]:
        """The sizes as they are decided now, and views of the tensors that belong to them."""
        sizes = sizes_of(self, self._arguments, Value.current)
        return sizes, {name: self._view(name, shape) for name, shape in self.shapes(sizes).items()}

    def _shapes(self, read: Read) -> dict[str, tuple[int, ...]]:
        return self.shapes(sizes_of(self, self._arguments, read)) if self.is_elastic else {}

    def _tensor(self, name: str) -> Tensor | None:
        return cast("Tensor | None", getattr(self, name))

    def _view(self, name: str, shape: tuple[int, ...]) -> Tensor | None:
        tensor = self._tensor(name)
        return None if tensor is None else tensor[self._cut(name, shape)]

    def _cut(self, name: str, shape: tuple[int, ...]) -> Slices:
        full = cast("Tensor", self._tensor(name)).shape
        return tuple(
            slice((all_ - size) // 2, (all_ - size) // 2 + size) if dim >= self.CENTRED_FROM else slice(0, size)
            for dim, (all_, size) in enumerate(zip(full, shape, strict=True))
        )


def sizes_of(layer: object, arguments: Mapping[str, Argument], read: Read = Value.maximum) -> Sizes:
    """The arguments of a layer, read in one way; at their largest, unless said otherwise."""
    return Sizes(type(layer).__name__, arguments, read)


def whole_slices(module: nn.Module) -> dict[str, Slices]:
    """Slices that take all of every tensor of a module's own state, in the order of ``state_dict``."""
    hidden = module._non_persistent_buffers_set
    own = {**module._parameters, **{name: buffer for name, buffer in module._buffers.items() if name not in hidden}}
    return {name: tuple(slice(0, size) for size in tensor.shape) for name, tensor in own.items() if tensor is not None}


def allocated_groups(layer: object, arguments: Mapping[str, Argument], *widths: str) -> int:
    """The groups with which a layer is allocated.

    Groups cannot be cut out of one another: each number of groups lays the same weights out differently. They may be
    the number of channels (depthwise), which cuts like any width, or any choice where no supernet is built.

    Args:
        layer: The layer, for errors.
        arguments: Its arguments, with ``groups``; where this is the same value as the first of ``widths``, each channel
            is a group.
        widths: Names of the arguments that the groups must divide.

    Raises:
        SpaceError: Groups are a choice in a supernet, or do not divide a width that may be chosen.
    """
    groups = arguments["groups"]
    if not isinstance(groups, Value):
        _check_divides(layer, arguments, cast("int", groups), widths)
        return cast("int", groups)
    if is_same_value(groups, arguments[widths[0]]):
        return sizes_of(layer, arguments).whole("groups")
    if construction().creates_everything:
        raise SpaceError(
            f"{type(layer).__name__} at {caller()}: groups is a choice ({groups!r}), and a supernet cannot share the "
            "weights of different groups.",
            hint=f"Write groups={widths[0]} for a depthwise layer, or a nas.LayerChoice of a layer for each number of "
            "groups, or search without a supernet.",
        )
    return 1


def _check_divides(layer: object, arguments: Mapping[str, Argument], groups: int, widths: tuple[str, ...]) -> None:
    for name in widths if groups != 1 else ():
        width = arguments[name]
        wrong = [n for n in width.possible() if cast("int", n) % groups] if isinstance(width, Value) else []
        if wrong:
            raise SpaceError(
                f"{type(layer).__name__} at {caller()}: {groups} groups do not divide {name} = {wrong[0]}, which may "
                "be chosen.",
                hint=f"Offer only multiples of {groups}.",
            )
