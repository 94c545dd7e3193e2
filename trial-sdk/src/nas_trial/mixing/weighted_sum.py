"""A sum of outputs with weights, which keeps no more memory than its gradient needs.

The plain ``w[0] * a + w[1] * b`` makes a tensor for every product and keeps every output for its backward pass. Here
products go into one tensor, an output is kept only where the gradient of its weight is wanted, and that gradient is a
dot product. Not differentiable twice: second-order methods take finite differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from nas_trial.mixing.unmixable import UnmixableError


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """An output with its weight.

    Attributes:
        name: Which candidate it is of, for errors.
        output: A tensor, or tuples, lists and dictionaries of tensors.
        weight: The weight; 1 where it is part of the output already.
        gate: The weight as a scalar tensor, where its gradient is wanted.
    """

    name: str
    output: object
    weight: float
    gate: Tensor | None = None


def weighted_sum(path: str, terms: Sequence[Term]) -> object:
    """The sum of the outputs, each times its weight; of structures, entry by entry.

    Args:
        path: Path of the decision, for errors.
        terms: One or more.

    Raises:
        UnmixableError: Outputs have different shapes or structures, or are no tensors.
    """
    first = terms[0].output
    if isinstance(first, Tensor):
        return _sum_of_tensors(path, terms)
    if isinstance(first, dict):
        _check(path, terms, [isinstance(each.output, dict) and each.output.keys() == first.keys() for each in terms])
        return {key: weighted_sum(path, _entries(terms, key)) for key in first}
    if isinstance(first, (tuple, list)):
        _check(path, terms, [type(each.output) is type(first) and _size(each) == len(first) for each in terms])
        entries = [weighted_sum(path, _entries(terms, index)) for index in range(len(first))]
        return entries if isinstance(first, list) else getattr(type(first), "_make", tuple)(entries)
    raise UnmixableError(path, f"{terms[0].name!r} gives a {type(first).__name__}, which cannot be added up")


def _size(term: Term) -> int:
    return len(cast("Sequence[object]", term.output))


def _entries(terms: Sequence[Term], key: Any) -> list[Term]:  # a key of a dictionary, or an index
    return [Term(each.name, cast("Any", each.output)[key], each.weight, each.gate) for each in terms]


def _check(path: str, terms: Sequence[Term], is_alike: Sequence[bool]) -> None:
    for term, is_right in zip(terms, is_alike, strict=True):
        if not is_right:
            shown = _shown(terms[0].output), _shown(term.output)
            raise UnmixableError(path, f"{terms[0].name!r} gives {shown[0]} and {term.name!r} gives {shown[1]}")


def _shown(output: object) -> str:
    return f"the shape {list(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"


def _sum_of_tensors(path: str, terms: Sequence[Term]) -> Tensor:
    shape = cast("Tensor", terms[0].output).shape
    _check(path, terms, [isinstance(each.output, Tensor) and each.output.shape == shape for each in terms])
    outputs = [cast("Tensor", each.output) for each in terms]
    if len(terms) == 1 and terms[0].weight == 1 and terms[0].gate is None:
        return outputs[0]
    weights = tuple(each.weight for each in terms)
    return cast("Tensor", _WeightedSum.apply(weights, *(each.gate for each in terms), *outputs))  # type: ignore[no-untyped-call]


class _WeightedSum(Function):
    """Takes the weights as numbers, so that no device is waited for, then the gates (or None), then the outputs."""

    @staticmethod
    def forward(ctx: Any, weights: tuple[float, ...], *gates_and_outputs: Tensor | None) -> Tensor:
        """The sum."""
        count = len(weights)
        gates, outputs = gates_and_outputs[:count], cast("tuple[Tensor, ...]", gates_and_outputs[count:])
        ctx.weights = weights
        ctx.dtypes = tuple(None if gate is None else gate.dtype for gate in gates)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*(out if gate is not None else None for gate, out in zip(gates, outputs, strict=True)))
        return _total(weights, outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of gates and outputs."""
        count = len(ctx.weights)
        if grad is None:
            return (None,) * (1 + 2 * count)
        needs = ctx.needs_input_grad[1 + count :]
        gates = [
            None if output is None else _dot(grad, output).to(dtype)
            for output, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        ]
        scaled = _products(grad, ctx.weights, needs)
        return (None, *gates, *scaled)


def _products(grad: Tensor, weights: Sequence[float], needs: Sequence[bool]) -> list[Tensor | None]:
    """The gradient times each weight; the same tensor where it is 1."""
    return [
        (grad if weight == 1 else grad * weight) if is_needed else None
        for weight, is_needed in zip(weights, needs, strict=True)
    ]


def _total(weights: Sequence[float], outputs: Sequence[Tensor]) -> Tensor:
    """Begins with two terms where possible, which saves a pass over memory."""
    used = [(weight, output) for weight, output in zip(weights, outputs, strict=True) if weight != 0]
    if not used:
        return torch.zeros_like(outputs[0])
    if len(used) == 1:
        weight, output = used[0]
        return output.view_as(output) if weight == 1 else output * weight
    used.sort(key=lambda pair: pair[0] != 1)  # so that a term without a product comes first
    (weight, output), (second, other), *further = used
    total = torch.add(output if weight == 1 else output * weight, other, alpha=second)
    for weight, output in further:
        total = total.add_(output, alpha=weight) if output.dtype == total.dtype else total + output * weight
    return total


def _dot(grad: Tensor, output: Tensor) -> Tensor:
    """The sum of the products, without a tensor for them where both lie alike in memory."""
    if grad.dtype not in {torch.float32, torch.float64} or output.dtype != grad.dtype:
        return (grad.float() * output.float()).sum()
    order = sorted(range(output.dim()), key=output.stride, reverse=True)
    return torch.dot(grad.permute(order).reshape(-1), output.permute(order).reshape(-1))
