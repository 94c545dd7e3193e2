"""Which of a network's tensors are as they were when they were last stored or loaded, so that nothing is done for them.

A tensor is known again by its memory and by torch's count of the writes to it. Writes that torch does not count
(``tensor.data.mul_``, a NumPy view, a kernel of one's own) are seen by a checksum of the bytes, CRC-32C, which costs a
quarter of the digest that it saves. Tensors are referred to weakly. Not here: stores, which pass over digests that
they do not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

from nascore.weights import TensorData
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.live.wire import checksum
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

SMALLEST = 64 * 2**10
"""Bytes from which on a tensor is worth it; the digest of a smaller one is there as quickly."""
_PURGED_FROM = 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """The memory of a tensor, and how often it had been written to.

    Attributes:
        storage: A weak reference; while it is there, no other memory has the same number.
        place: What the tensor is of that memory.
        version: Writes that torch had counted.
    """

    storage: StorageWeakRef
    place: tuple[object, ...]
    version: int


@dataclass(frozen=True, slots=True)
class _Known:
    mark: Mark
    digest: str
    sum: int | None
    """``None`` for what had just changed, and will most likely change again."""


class Unchanged:
    """Remembers the digests of tensors. Thread-safe, as each of its steps is one of a dictionary's."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], _Known] = {}
        self._purged_at = _PURGED_FROM

    def __len__(self) -> int:
        return len(self._known)

    def digests(self, marks: Mapping[str, Mark], tensors: Mapping[str, TensorData]) -> dict[str, str]:
        """Return the digests by key of those tensors that are as they were.

        Args:
            marks: Of the tensors, as of when their bytes were taken.
            tensors: Their bytes.
        """
        likely = {key: known for key, mark in marks.items() if (known := self._same(mark)) and known.sum is not None}
        sums = _sums({key: tensors[key] for key in likely})
        return {key: known.digest for key, known in likely.items() if sums[key] == known.sum}

    def remember(
        self, marks: Mapping[str, Mark], tensors: Mapping[str, TensorData], digests: Mapping[str, str]
    ) -> None:
        """Remember what tensors were stored as, or loaded from; the arguments are as for `digests`."""
        chosen = {key: mark for key, mark in marks.items() if key in digests and key in tensors}
        worth = {key: tensors[key] for key, mark in chosen.items() if self._is_steady(mark, digests[key])}
        sums = _sums(worth)
        for key, mark in chosen.items():
            before = self._known.get(mark.place)
            kept = before.sum if before is not None and before.digest == digests[key] else None
            self._known[mark.place] = _Known(mark, digests[key], sums.get(key, kept))
        if len(self._known) > self._purged_at:
            self._purge()

    def _same(self, mark: Mark) -> _Known | None:
        known = self._known.get(mark.place)
        return known if known is not None and known.mark.version == mark.version else None

    def _is_steady(self, mark: Mark, digest: str) -> bool:
        """Whether a tensor is new, or has not been written to since it was stored, and needs a checksum."""
        known = self._known.get(mark.place)
        if known is None:
            return True
        return known.mark.version == mark.version and (known.sum is None or known.digest != digest)

    def _purge(self) -> None:
        for place, known in list(self._known.items()):
            if known.mark.storage.expired():  # type: ignore[no-untyped-call]  # torch leaves it without annotations
                self._known.pop(place, None)
        self._purged_at = max(_PURGED_FROM, 2 * len(self._known))


@cache
def unchanged() -> Unchanged:
    """Return that of this process: digests are the same in every store."""
    return Unchanged()


def marks_of(state: Mapping[str, object]) -> dict[str, Mark]:
    """Return the marks of those tensors by key that are worth it, and can be known again."""
    return {key: _mark(value) for key, value in state.items() if isinstance(value, Tensor) and _is_markable(value)}


def _is_markable(tensor: Tensor) -> bool:
    is_plain = type(tensor) in (Tensor, nn.Parameter) and tensor.device.type in ("cpu", "cuda")
    return is_plain and not tensor.is_inference() and tensor.numel() * tensor.element_size() >= SMALLEST


def _mark(tensor: Tensor) -> Mark:
    storage = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]  # as above
    place = (storage.cdata, tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
    return Mark(storage, place, tensor._version)


def _sums(tensors: Mapping[str, TensorData]) -> dict[str, int]:
    size = sum(tensor.size for tensor in tensors.values())
    found = side_by_side(partial(_sum, tensors), list(tensors), threads=threads_for(size, len(tensors)))
    return dict(zip(tensors, found, strict=True))


def _sum(tensors: Mapping[str, TensorData], key: str) -> int:
    return checksum(tensors[key].data)
