"""Elastic layers in a mixture: they compute once, with the weighted sum of the tensors of all sizes.

A tensor of a smaller size counts as filled with zeros to the larger one: a kernel around its centre, a width at its
end (as in FBNetV2, Wan et al., 2020). Sums of several decisions are over all combinations, weighted by the products.
Running statistics are not added up: a channel has the same in every width.

Where only one combination has a weight, tensors and sizes are exactly those of the sampled path.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, cast

import torch
from nascore.space import Literal
from torch import Tensor

from nas_trial.decision import Decision
from nas_trial.layers.part import Cut, Slices, cut
from nas_trial.layers.sizes import Argument, Sizes
from nas_trial.mixing import Mixing, UnmixableError
from nas_trial.values import Value

MAX_COMBINATIONS = 1024
"""Combinations of sizes that one layer mixes."""

_SAME = "{layer} has {name} {found} under some of its candidates, and one layer computes with one of them"


class Mixable(Protocol):
    """What is asked of a layer."""

    def shapes(self, sizes: Sizes) -> Mapping[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        ...

    def _tensor(self, name: str) -> Tensor | None: ...

    def _cut(self, name: str, shape: tuple[int, ...]) -> Slices: ...


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """What is decided together, with its weight.

    Attributes:
        read: Gives a value under it.
        factor: The product of the weights; a tensor where a gradient is wanted.
    """

    read: Callable[[Value], Literal]
    factor: float | Tensor


class LayerMixture:
    """The combinations of the mixed decisions that a layer depends on.

    Args:
        mixed: The decisions and their weights.
    """

    def __init__(self, mixed: Sequence[tuple[Decision, Mixing]]) -> None:
        self._mixed = mixed
        count = math.prod(len(mixing.computed) for _, mixing in mixed)
        if count > MAX_COMBINATIONS:
            raise mixed[0][1].refusal(
                f"a layer depends on {len(mixed)} mixed choices with {count:,} combinations, of which at most "
                f"{MAX_COMBINATIONS:,} are mixed"
            )

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """All of them."""
        indices = itertools.product(*(mixing.computed for _, mixing in self._mixed))
        return tuple(map(self._combination, indices))

    def largest(self, value: Value) -> Literal:
        """The largest that a value is; what all tensors have room for."""
        found = [each.read(value) for each in self.combinations]
        return found[0] if isinstance(found[0], str) else max(cast("list[int | float]", found))

    def same(self, layer: object, name: str, found: Callable[[Callable[[Value], Literal]], object]) -> None:
        """Refuses a mixture in which something differs that one computation cannot have twice.

        Raises:
            UnmixableError: It differs; a decision that it depends on is named.
        """
        first = found(self.combinations[0].read)
        for other in self.combinations[1:]:
            if found(other.read) != first:
                shown = f"{first} or {found(other.read)}"
                raise self.refusal(found, _SAME.format(layer=type(layer).__name__, name=name, found=shown))

    def refusal(self, found: Callable[[Callable[[Value], Literal]], object], why: str) -> UnmixableError:
        """The error that names the first decision that what was found depends on."""
        for decision, mixing in self._mixed:
            values = {str(found(self._only(decision, index))) for index in mixing.computed}
            if len(values) > 1:
                return mixing.refusal(why)
        return self._mixed[0][1].refusal(why)

    def now(self, layer: Mixable, arguments: Mapping[str, Argument]) -> tuple[Sizes, dict[str, Tensor | None]]:
        """The largest sizes, and the mixed tensors."""
        name = type(layer).__name__
        every = [(each.factor, layer.shapes(Sizes(name, arguments, each.read))) for each in self.combinations]
        tensors: dict[str, Tensor | None] = {}
        for tensor in every[0][1]:
            shapes = [(factor, shape[tensor]) for factor, shape in every]
            tensors[tensor] = _mixed_tensor(layer, tensor, shapes)
        return Sizes(name, arguments, self.largest), tensors

    def _combination(self, indices: tuple[int, ...]) -> Combination:
        chosen = {
            decision: mixing.options[index] for (decision, mixing), index in zip(self._mixed, indices, strict=True)
        }
        factors = [mixing.factor(index) for (_, mixing), index in zip(self._mixed, indices, strict=True)]
        return Combination(_reading(chosen), cast("float | Tensor", math.prod(factors)))

    def _only(self, decision: Decision, index: int) -> Callable[[Value], Literal]:
        """Reads with one decision changed and the others at their first."""
        chosen = {each: mixing.options[mixing.computed[0]] for each, mixing in self._mixed}
        chosen[decision] = dict(self._mixed)[decision].options[index]
        return _reading(chosen)


def mixture_of(values: Iterable[Value]) -> LayerMixture | None:
    """The mixture that values depend on at present; None if they depend on none."""
    mixed = {decision: decision.mixing for value in values for decision in value.decisions() if decision.mixing}
    several = [(decision, mixing) for decision, mixing in mixed.items() if not isinstance(decision.value, tuple)]
    return LayerMixture(several) if several else None


def _reading(chosen: Mapping[Decision, str | int]) -> Callable[[Value], Literal]:
    return lambda value: value.evaluate(lambda decision: chosen[decision] if decision in chosen else decision.get())


def _mixed_tensor(layer: Mixable, name: str, shapes: Sequence[tuple[float | Tensor, tuple[int, ...]]]) -> Tensor | None:
    tensor = layer._tensor(name)
    if tensor is None:
        return None
    largest = tuple(map(max, zip(*(shape for _, shape in shapes), strict=True)))
    part = layer._cut(name, largest)
    view = cut(tensor, part)
    if name.rpartition(".")[2] in _STATISTICS:
        return view
    return view * _mask(layer, name, tensor, part, shapes)


_STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})


def _mask(
    layer: Mixable, name: str, tensor: Tensor, part: Slices, shapes: Sequence[tuple[float | Tensor, tuple[int, ...]]]
) -> float | Tensor:
    """What each element is multiplied by: the sum of the weights of the shapes that it belongs to."""
    factors: dict[tuple[int, ...], float | Tensor] = {}
    for factor, shape in shapes:
        factors[shape] = factors[shape] + factor if shape in factors else factor
    if len(factors) == 1:
        return next(iter(factors.values()))
    total: float | Tensor = 0.0
    for shape, factor in factors.items():
        total = total + indicator(tensor, layer._cut(name, shape), part) * factor
    return total


def indicator(tensor: Tensor, inner: Slices, outer: Slices) -> Tensor:
    """1 where an element of the outer part is one of the inner part, else 0; shape of the outer part."""
    found = torch.ones((), dtype=tensor.dtype, device=tensor.device)
    for dim, (within, around) in enumerate(zip(inner, outer, strict=True)):
        line = tensor.new_zeros(tensor.shape[dim])
        for piece in _pieces(within):
            line[piece] = 1
        line = torch.cat([line[piece] for piece in _pieces(around)])
        found = found.unsqueeze(-1) * line
    return found


def _pieces(cut_: Cut) -> Iterator[slice]:
    return iter((cut_,) if isinstance(cut_, slice) else cut_)
