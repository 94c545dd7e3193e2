"""Layers whose sizes may be values: how a narrower layer is cut out of a wider one.

A size is cut from the start (the first ``n`` channels), a kernel at its centre, so that a 3 × 3 kernel within a 5 × 5
one with matching padding looks at the same pixels (Cai et al., Once-for-All, 2020, without its kernel transformation).
Strides, paddings, dilations and rates cut nothing; they are passed on as they are decided.

A layer keeps the arguments as they were written, reads them when it computes, and is the plain torch layer if none of
them is a value. Signatures are those of torch.nn. Not here: the layers (the other modules of this package).
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, cast

from nascore.errors import SpaceError
from torch import Tensor, nn

from nas_trial.combinations import combinations, described_combination
from nas_trial.construction import construction
from nas_trial.layers.mixture import LayerMixture, mixture_of
from nas_trial.layers.part import Slices, centred, cut, leading, whole
from nas_trial.layers.sizes import Argument, Read, Sizes
from nas_trial.place import caller
from nas_trial.value_functions import is_same_value
from nas_trial.values import Value, operation


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
        """The part of each tensor in the state that this layer has with its sizes, given how values are read.

        Tensors of its children are among them.
        """
        parts = {
            name: self._cut(name, shape) for name, shape in self._shapes(read).items() if self._tensor(name) is not None
        }
        return {name: parts.get(name, all_) for name, all_ in whole_slices(self).items()}

    def now(self) -> tuple[Sizes, dict[str, Tensor | None]]:
        """The sizes as they are decided now, and views of the tensors that belong to them."""
        mixture = self.mixture()
        if mixture is not None:
            return self._mixed_now(mixture)
        sizes = Sizes(type(self).__name__, self._arguments, Value.current)
        return sizes, {name: self._view(name, shape) for name, shape in self.shapes(sizes).items()}

    def mixture(self) -> LayerMixture | None:
        """What is decided, with its weights, if this layer depends on a mixture that is computed; else None."""
        return mixture_of(value for _, value in self.values())

    def check_mixture(self, mixture: LayerMixture) -> None:
        """Refuses a mixture in which this layer cannot compute with mixed tensors.

        Raises:
            UnmixableError: It cannot; the decision is named.
        """

    def _mixed_now(self, mixture: LayerMixture) -> tuple[Sizes, dict[str, Tensor | None]]:
        self.check_mixture(mixture)
        return mixture.now(self, self._arguments)

    def _shapes(self, read: Read) -> dict[str, tuple[int, ...]]:
        return self.shapes(Sizes(type(self).__name__, self._arguments, read)) if self.is_elastic else {}

    def _tensor(self, name: str) -> Tensor | None:
        return cast("Tensor | None", getattr(self, name))

    def _view(self, name: str, shape: tuple[int, ...]) -> Tensor | None:
        tensor = self._tensor(name)
        return None if tensor is None else cut(tensor, self._cut(name, shape))

    def _cut(self, name: str, shape: tuple[int, ...]) -> Slices:
        full = cast("Tensor", self._tensor(name)).shape
        return tuple(
            centred(all_, size) if dim >= self.CENTRED_FROM else leading(all_, size)
            for dim, (all_, size) in enumerate(zip(full, shape, strict=True))
        )


def largest(layer: object, arguments: Mapping[str, Argument]) -> Sizes:
    """The arguments of a layer at their largest.

    Raises:
        SpaceError: One is, or may be chosen, too small for a size.
    """
    check_sizes(layer, arguments)
    return Sizes(type(layer).__name__, arguments, Value.maximum)


def check_sizes(layer: object, arguments: Mapping[str, object]) -> None:
    """Refuses sizes that no layer can have.

    Raises:
        SpaceError: A number is, or may be chosen, below 0; or it is 0, and not a padding or a rate.
    """
    for name, argument in arguments.items():
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            options = part.possible() if isinstance(part, Value) else (part,)
            numbers = [
                option for option in options if isinstance(option, (int, float)) and not isinstance(option, bool)
            ]
            least = 0 if name in _MAY_BE_ZERO else 1
            if any(number < least for number in numbers):
                may_be = "may be" if isinstance(part, Value) else "is"
                raise SpaceError(
                    f"{type(layer).__name__} at {caller()}: {name} {may_be} {min(numbers)}, which is no size.",
                    hint=f"Offer only numbers from {least}.",
                )


_MAY_BE_ZERO = frozenset({"padding", "output_padding", "p", "dropout", "proj_size"})


def whole_slices(module: nn.Module) -> dict[str, Slices]:
    """Slices that take all of every tensor of a module's own state, in the order of ``state_dict``."""
    hidden = module._non_persistent_buffers_set
    own = {**module._parameters, **{name: buffer for name, buffer in module._buffers.items() if name not in hidden}}
    return {name: whole(tensor) for name, tensor in own.items() if tensor is not None}


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
        check_divides(layer, arguments, "groups", widths=widths)
        return cast("int", groups)
    if is_same_value(groups, arguments[widths[0]]):
        return largest(layer, arguments).whole("groups")
    if construction().creates_everything:
        raise SpaceError(
            f"{type(layer).__name__} at {caller()}: groups is a choice ({groups!r}), and a supernet cannot share the "
            "weights of different groups.",
            hint=f"Write groups={widths[0]} for a depthwise layer, or a nas.LayerChoice of a layer for each number of "
            "groups, or search without a supernet.",
        )
    return 1


def check_divides(
    layer: object, arguments: Mapping[str, Argument], divisor: str, *, widths: Sequence[str], noun: str = ""
) -> None:
    """Refuses widths that are, or may be chosen, no multiples of a number.

    Args:
        layer: The layer, for errors.
        arguments: Its arguments.
        divisor: Name of the argument that must divide.
        widths: Names of those that it must divide.
        noun: What the divisor counts; its name by default.

    Raises:
        SpaceError: A combination does not fit; it is named.
    """
    for name in widths:
        operands = (arguments[name], arguments[divisor])
        remainder = operation(operator.mod, *operands)
        if remainder.possible() <= {0}:
            continue
        chosen = next(chosen for chosen in combinations(remainder.decisions()) if remainder.on(chosen))
        width, number = (each.on(chosen) if isinstance(each, Value) else each for each in operands)
        where = f", which may be chosen ({described_combination(chosen)})" if chosen else ""
        raise SpaceError(
            f"{type(layer).__name__} at {caller()}: {number} {noun or divisor} do not divide {name} = {width}{where}.",
            hint=f"Offer only multiples of {number}."
            if not isinstance(operands[1], Value)
            else "Offer only values that fit each other, or let one depend on the other: heads * 16.",
        )
