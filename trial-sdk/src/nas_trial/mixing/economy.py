"""What several candidates have in common is computed once, and a product is saved where a batch norm can make it.

Two savings, both exact up to rounding:

- a ReLU or a pooling that a candidate applies to its very input gives the same for every candidate of every choice that
  reads the same tensor; it is computed when the first asks for it, and kept as long as that tensor lives;
- ``w * batch_norm(x)`` is a batch norm with weight ``w * gamma`` and bias ``w * beta``, so nothing is multiplied, and
  the output need not be kept for the gradient of ``w``.

Which parts of a candidate these are is observed when it is first computed, and checked every time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.weak import WeakIdKeyDictionary

from nas_trial.generators import generators_kept
from nas_trial.mixing.untracked import untracked

_STATELESS: frozenset[type[nn.Module]] = frozenset({
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh,
    nn.Softplus, nn.Mish, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
})  # fmt: skip


@dataclass(slots=True, eq=False)
class _Recipe:
    """What was observed of a candidate.

    Attributes:
        heads: Parts without a state that were applied to the input itself, each with what tells what it computes.
        tail: The batch norm whose output is that of the candidate.
    """

    heads: tuple[tuple[nn.Module, tuple[object, ...]], ...]
    tail: nn.Module | None


class Economy:
    """Computes candidates with these savings; it holds tensors of one forward pass at a time.

    Args:
        folds: Says of a candidate whether its weight may go into its batch norm.
    """

    def __init__(self, folds: Callable[[nn.Module], bool]) -> None:
        self._folds = folds
        self._recipes: WeakKeyDictionary[nn.Module, _Recipe] = WeakKeyDictionary()
        self._shared = cast("dict[Tensor, dict[tuple[object, ...], Tensor]]", WeakIdKeyDictionary())

    def clear(self) -> None:
        """Forget all tensors, at the end of a pass."""
        self._shared.clear()

    def output(
        self,
        candidate: nn.Module,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        scale: float | Tensor,
    ) -> tuple[object, bool]:
        """What a candidate computes, and whether it was multiplied by ``scale`` on the way."""
        source = args[0] if args and isinstance(args[0], Tensor) else None
        recipe = self._recipes.get(candidate)
        if recipe is None:
            recipe = self._recipes[candidate] = _observed(candidate, args, kwargs, folds=self._folds(candidate))
        for head, kind in recipe.heads:
            vars(head)["forward"] = partial(self._once, head, kind, source)
        try:
            return _scaled(candidate, args, kwargs, recipe=recipe, scale=scale)
        finally:
            for head, _ in recipe.heads:
                vars(head).pop("forward", None)

    def _once(self, head: nn.Module, kind: tuple[object, ...], source: Tensor | None, given: Tensor) -> Tensor:
        if given is not source:
            return cast("Tensor", type(head).forward(head, given))
        known = self._shared.setdefault(source, {})
        key = (*kind, torch.is_grad_enabled(), source._version)
        if key not in known:
            known[key] = cast("Tensor", type(head).forward(head, given))
        return known[key]


def _scaled(
    candidate: nn.Module,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    recipe: _Recipe,
    scale: float | Tensor,
) -> tuple[object, bool]:
    tail = recipe.tail
    if tail is None:
        return candidate(*args, **kwargs), False
    own = tail._parameters["weight"], tail._parameters["bias"]
    made: list[Tensor] = []

    def forward(x: Tensor) -> Tensor:
        made.append(type(tail).forward(tail, x))
        return made[-1]

    parameters = cast("dict[str, Tensor | None]", tail._parameters)
    parameters["weight"], parameters["bias"] = _times(cast("_BatchNorm", tail), own, scale)
    vars(tail)["forward"] = forward
    try:
        output = candidate(*args, **kwargs)
    finally:
        del vars(tail)["forward"]
        parameters["weight"], parameters["bias"] = own
    if len(made) == 1 and output is made[0]:
        return output, True
    recipe.tail = None  # its way through the candidate has changed, so it is no more the last
    return candidate(*args, **kwargs), False


def _times(
    norm: _BatchNorm, own: tuple[Tensor | None, Tensor | None], scale: float | Tensor
) -> tuple[Tensor, Tensor | None]:
    weight, bias = own
    if weight is not None:
        return weight * scale, None if bias is None else bias * scale
    if isinstance(scale, Tensor):
        return scale.repeat(norm.num_features), None  # not expand: its kernel reads them one after the other
    like = norm.running_mean if norm.running_mean is not None else torch.empty(0)
    return like.new_full((norm.num_features,), scale), None


def _observed(candidate: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], *, folds: bool) -> _Recipe:
    """Looks at a candidate while it computes once more, without a trace.

    Were the output used, a search that goes on from what was saved would round it otherwise than one that never ended.
    """
    heads: dict[nn.Module, tuple[object, ...]] = {}
    norms: list[tuple[nn.Module, Tensor, int]] = []

    def see(part: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if isinstance(part, _BatchNorm):
            norms.append((part, output, output._version))
        elif len(given) == 1 and given[0] is args[0] and isinstance(given[0], Tensor):
            heads[part] = _kind(part)

    seen = [part for part in candidate.modules() if isinstance(part, _BatchNorm) or _is_stateless(part)]
    handles = [part.register_forward_hook(see) for part in seen]
    try:
        with torch.no_grad(), untracked(candidate), generators_kept(), _gpu_generators_kept(args):
            output = candidate(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return _Recipe(tuple(heads.items()), _tail(output, norms) if folds else None)


def _tail(output: object, norms: Sequence[tuple[nn.Module, Tensor, int]]) -> nn.Module | None:
    tails = [part for part, made, version in norms if made is output and made._version == version]
    is_once = len(tails) == 1 and sum(part is tails[0] for part, _, _ in norms) == 1
    return tails[0] if is_once and "weight" in tails[0]._parameters else None


def _gpu_generators_kept(args: Sequence[object]) -> AbstractContextManager[None]:
    devices = {each.device for each in args if isinstance(each, Tensor) and each.is_cuda}
    return torch.random.fork_rng(devices=[device.index for device in devices])


def _is_stateless(part: nn.Module) -> bool:
    return type(part) in _STATELESS and not getattr(part, "inplace", False) and not part._forward_hooks


def _kind(part: nn.Module) -> tuple[object, ...]:
    """What tells modules without a state apart: the class, and all that was given to it."""
    given = ((name, str(value)) for name, value in vars(part).items() if not name.startswith("_"))
    return (type(part), *sorted(pair for pair in given if pair[0] not in {"training", "forward"}))
