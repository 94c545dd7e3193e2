"""A network's tensors beside what the table has of them: what was learnt since, and what others have learnt.

Of each tensor three buffers are kept: *seen*, its value when it was last brought up to date; *given*, what is on its
way to the table, which must not change while it is sent; and *taken*, what came from it. Learnt is tensor − seen, of
which a fraction counts; after an exchange the tensor becomes taken + what counts, so that nothing that was learnt
meanwhile is lost. All is done in place, and tensors that did not change cost one comparison. Not here: the table.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

import torch
from nascore.errors import InvalidInputError
from nascore.weights.live import Rule, Share, Slot
from torch import Tensor, nn

from nas_trial.failures import NonFiniteError

_DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class Statistics(Enum):
    """What is shared of the running statistics of normalisations, which are measured and not learnt."""

    AVERAGE = "average"
    """Each exchange moves the table's part of the way (``rate``) towards the worker's."""
    ASSIGN = "assign"
    """The table's become those of whoever exchanged last."""
    OWN = "own"
    """Nothing: each worker has its own."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tensor of the network and its buffers, all of its shape; given and taken lie on the CPU."""

    tensor: Tensor
    is_statistic: bool
    seen: Tensor
    given: Tensor
    taken: Tensor


class State:
    """The tensors of a network that are shared. One thread uses it, beside the one that reads given and writes taken.

    Args:
        source: The network, or its tensors by key: those that require a gradient are learnt, others are statistics.
        statistics: What is shared of those.
        as_bf16: Whether the table's come as BF16; all must be F32 then.
        fraction: How much of what is learnt counts, in (0, 1]; here as in the table.

    Attributes:
        slots: The tensors, as the table has them.

    Raises:
        InvalidInputError: Nothing can be shared, or not as BF16.
    """

    def __init__(
        self,
        source: nn.Module | Mapping[str, Tensor],
        *,
        statistics: Statistics,
        as_bf16: bool = False,
        fraction: float = 1.0,
    ) -> None:
        if not 0 < fraction <= 1:
            raise InvalidInputError(f"fraction: {fraction} of what is learnt; it must be above 0 and at most 1.")
        chosen = {
            key: (tensor, is_statistic)
            for key, (tensor, is_statistic) in _tensors(source).items()
            if tensor.dtype in _DTYPES and not (is_statistic and statistics is Statistics.OWN)
        }
        if not chosen:
            raise InvalidInputError("There is no floating-point tensor to share.", hint="Give a network, or its state.")
        if as_bf16 and (other := next((key for key, (t, _) in chosen.items() if t.dtype is not torch.float32), "")):
            raise InvalidInputError(f"as_bf16: {other} is not F32, and cannot come as BF16.", hint="Leave as_bf16 out.")
        self._fraction = fraction
        self._rule = Rule.ASSIGN if statistics is Statistics.ASSIGN else Rule.EMA
        self.slots = tuple(Slot(key, _DTYPES[tensor.dtype], tuple(tensor.shape)) for key, (tensor, _) in chosen.items())
        self._entries = [_entry(tensor, is_statistic, as_bf16) for tensor, is_statistic in chosen.values()]

    def beginning(self) -> list[Share]:
        """Return all values as they were seen last, for a table that has none."""
        return [
            Share(index, _bytes(entry.seen.cpu() if entry.seen.is_cuda else entry.seen))
            for index, entry in enumerate(self._entries)
        ]

    def take(self, tensor: int, offset: int, data: memoryview) -> None:
        """Keep a piece that came from the table, for `renew`."""
        _bytes(self._entries[tensor].taken)[offset : offset + len(data)] = data

    @torch.no_grad()
    def renew(self, taken: Collection[int]) -> list[Share]:
        """Bring tensors up to date with what was taken, and return what was learnt since the last time.

        Args:
            taken: Indices of the tensors that came; all of each.

        Raises:
            NonFiniteError: Something that was learnt is no number; nothing has changed.
        """
        learnt = [index for index, entry in enumerate(self._entries) if not torch.equal(entry.tensor, entry.seen)]
        for index in learnt:
            entry = self._entries[index]
            _write(entry.given, torch.sub(entry.tensor, entry.seen) if entry.tensor.is_cuda else None, entry)
            if self._is_partial(entry):
                entry.given.mul_(self._fraction)
            if not _is_finite(entry.given):
                raise NonFiniteError(f"{self.slots[index].key} is not finite any more, so it is not shared.")
        changed = set(learnt)
        for index in changed | set(taken):
            entry = self._entries[index]
            if index not in taken and self._is_partial(entry):
                entry.tensor.copy_(entry.seen).add_(entry.given.to(entry.tensor.device))
            _advance(entry, has_come=index in taken, has_learnt=index in changed)
        for index in learnt:
            if self._entries[index].is_statistic:
                self._entries[index].given.copy_(self._entries[index].tensor)
        return [
            Share(index, _bytes(self._entries[index].given), self._rule if self._entries[index].is_statistic else None)
            for index in learnt
        ]

    def _is_partial(self, entry: _Entry) -> bool:
        """Whether only a part of what was learnt is given; what was measured is not scaled."""
        return self._fraction != 1 and not entry.is_statistic

    @torch.no_grad()
    def adopt(self) -> None:
        """Make all tensors what was taken, and forget what was learnt."""
        for entry in self._entries:
            entry.tensor.copy_(entry.taken)
            entry.seen.copy_(entry.tensor)


def _tensors(source: nn.Module | Mapping[str, Tensor]) -> dict[str, tuple[Tensor, bool]]:
    """Return each tensor once, also if it has several keys, and whether it is a statistic."""
    if isinstance(source, nn.Module):
        kept = source.state_dict(keep_vars=True)
        parameters = {key: (value.detach(), False) for key, value in source.named_parameters()}
        return parameters | {key: (value, True) for key, value in source.named_buffers() if key in kept}
    found: dict[int, tuple[str, Tensor]] = {}
    for key, value in source.items():
        found.setdefault(id(value), (key, value))
    return {key: (value.detach(), not value.requires_grad) for key, value in found.values()}


def _entry(tensor: Tensor, is_statistic: bool, as_bf16: bool) -> _Entry:
    seen = tensor.detach().clone(memory_format=torch.contiguous_format)
    given = torch.empty(tensor.shape, dtype=tensor.dtype)
    taken = torch.empty(tensor.shape, dtype=torch.bfloat16 if as_bf16 else tensor.dtype)
    return _Entry(tensor, is_statistic, seen, given, taken)


def _write(given: Tensor, difference: Tensor | None, entry: _Entry) -> None:
    if difference is None:
        torch.sub(entry.tensor, entry.seen, out=given)
    else:
        given.copy_(difference)


def _advance(entry: _Entry, *, has_come: bool, has_learnt: bool) -> None:
    if has_come:
        entry.tensor.copy_(entry.taken)
        if has_learnt:
            entry.tensor.add_(entry.given.to(entry.tensor.device))
    entry.seen.copy_(entry.tensor)


def _is_finite(tensor: Tensor) -> bool:
    # One pass in nearly all cases: only a sum that is not finite, which may have overflowed, needs a closer look.
    return math.isfinite(float(tensor.sum())) or bool(torch.isfinite(tensor).all())


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(bytearray())
