"""The gradient of second order (Liu et al., DARTS, ICLR 2019, section 2.3), through one step of the trial's own SGD.

One step of SGD on the next training batch leads from w to w'(α). The gradient of L_val(w'(α), α) with respect to α is::

    ∂L_val(w', α)/∂α − Σ s · ∂²L_train(w, α)/∂α∂w · v,    v = ∂L_val(w', α)/∂w',    s = −∂w'/∂(∂L_train/∂w)

and its second term a central difference of the first-order gradient at w ± ε·v, with ε = radius / ‖v‖. Where groups of
parameters have different steps s, v is scaled by s / max s, so that one difference does for all.

Nothing is copied or written: the step, w' and w ± ε·v are tensors lent to the model for one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from nascore.errors import InvalidInputError, UnsupportedError
from torch import Tensor
from torch.optim import SGD, Optimizer

Loss = Callable[[Mapping[str, Tensor]], Tensor]
"""The loss of a batch with the given parameters in place of the model's own."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of SGD for one parameter.

    Attributes:
        moved: The parameter after the step.
        factor: How much the step is for each unit of the gradient: s above.
    """

    moved: Tensor
    factor: float


def unrolled_gradient(
    gates: Sequence[Tensor],
    *,
    parameters: Mapping[str, Tensor],
    optimizer: Optimizer,
    radius: float,
    training: Loss,
    validation: Sequence[tuple[Loss, float]],
) -> tuple[list[Tensor], list[Tensor]]:
    """The gradient of the validation loss with respect to gates, one weight step ahead.

    Args:
        gates: Scalar leaves.
        parameters: Of the model, by name; no gradient of them is kept.
        optimizer: The trial's.
        radius: Of the finite difference.
        training: Loss of the next training batch.
        validation: Losses of the batches to judge on, with shares that add up to 1.

    Returns:
        The gradient of each gate, and the validation losses.

    Raises:
        UnsupportedError: The optimizer is not SGD.
    """
    check_optimizer(optimizer)
    weights = {name: each for name, each in parameters.items() if each.is_floating_point()}
    steps = _steps(weights, optimizer, _gradients(training, weights))
    moved = {name: steps[name].moved if name in steps else each for name, each in weights.items()}
    direct, direction, losses = _ahead(gates, moved, validation)
    largest = max((abs(step.factor) for step in steps.values()), default=0.0)
    looked = {name: direction[name] * (step.factor / (largest or 1.0)) for name, step in steps.items()}
    norm = _norm(list(looked.values()))
    if not largest or not norm:
        return direct, losses
    epsilon = radius / norm
    plus, minus = (
        _gates_gradient(training, gates, weights, {name: sign * epsilon * each for name, each in looked.items()})
        for sign in (1.0, -1.0)
    )
    return [
        first - largest * _difference(high, low, epsilon) for first, high, low in zip(direct, plus, minus, strict=True)
    ], losses


def check_optimizer(optimizer: Optimizer) -> None:
    """Refuse an optimizer whose step is not known here.

    Raises:
        UnsupportedError: It is not SGD.
    """
    if type(optimizer) is not SGD:
        raise UnsupportedError(
            f"Second order looks one step of SGD ahead, but the trial trains with {type(optimizer).__name__}.",
            hint="Return torch.optim.SGD from optimizer(), or search with order 1.",
        )


def check_batch(next_batch: object) -> None:
    """Refuse to look ahead without a batch.

    Raises:
        InvalidInputError: There is none.
    """
    if next_batch is None:
        raise InvalidInputError("Second order needs the next batch of TRAIN.", hint="Give next_batch.")


def _difference(high: Tensor, low: Tensor, epsilon: float) -> Tensor:
    return (high - low) / (2 * epsilon)


def _lent(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.detach().requires_grad_() for name, each in weights.items()}


def _gradients(training: Loss, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    lent = _lent(weights)
    found: Sequence[Tensor | None] = torch.autograd.grad(training(lent), list(lent.values()), allow_unused=True)
    return {name: each for name, each in zip(lent, found, strict=True) if each is not None}


def _ahead(
    gates: Sequence[Tensor], moved: Mapping[str, Tensor], validation: Sequence[tuple[Loss, float]]
) -> tuple[list[Tensor], dict[str, Tensor], list[Tensor]]:
    """The gradient at the moved weights: that of the gates, that of the weights, and the losses."""
    lent = _lent(moved)
    at = [*gates, *lent.values()]
    total = [torch.zeros_like(each) for each in at]
    losses: list[Tensor] = []
    for loss_of, share in validation:
        loss = loss_of(lent)
        losses.append(loss.detach())
        found: Sequence[Tensor | None] = torch.autograd.grad(loss, at, allow_unused=True)
        for sum_, each in zip(total, found, strict=True):
            if each is not None:
                sum_.add_(each, alpha=share)
    count = len(gates)
    return total[:count], dict(zip(lent, total[count:], strict=True)), losses


def _gates_gradient(
    training: Loss, gates: Sequence[Tensor], weights: Mapping[str, Tensor], shift: Mapping[str, Tensor]
) -> list[Tensor]:
    lent = {name: each.detach() + shift[name] if name in shift else each.detach() for name, each in weights.items()}
    found: Sequence[Tensor | None] = torch.autograd.grad(training(lent), list(gates), allow_unused=True)
    return [torch.zeros_like(gate) if each is None else each for gate, each in zip(gates, found, strict=True)]


def _norm(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(each) ** 2 for each in torch._foreach_norm(list(tensors)))) if tensors else 0.0


def _steps(weights: Mapping[str, Tensor], optimizer: Optimizer, gradients: Mapping[str, Tensor]) -> dict[str, Step]:
    """The steps of all parameters that have a gradient; the others are not stepped, as in torch."""
    names = {id(tensor): name for name, tensor in weights.items()}
    steps: dict[str, Step] = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names.get(id(parameter))
            if name is not None and name in gradients:
                buffer = optimizer.state.get(parameter, {}).get("momentum_buffer")
                steps[name] = _step(parameter.detach(), gradients[name], buffer, group)
    return steps


def _step(weight: Tensor, gradient: Tensor, buffer: Tensor | None, group: Mapping[str, Any]) -> Step:
    """As ``torch.optim.SGD`` does it."""
    rate, momentum = float(group["lr"]), float(group["momentum"])
    sign = -1.0 if group["maximize"] else 1.0
    change = sign * gradient + float(group["weight_decay"]) * weight
    factor = 1.0
    if momentum:
        fresh = 1.0 if buffer is None else 1.0 - float(group["dampening"])
        held = change if buffer is None else momentum * buffer + fresh * change
        change, factor = (change + momentum * held, 1.0 + momentum * fresh) if group["nesterov"] else (held, fresh)
    return Step(weight - rate * change, rate * factor * sign)
