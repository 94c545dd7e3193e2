"""Mixed decisions to and from bytes at the speed of C, where only the numbers differ from those that came before.

Each step of a one-shot search sends the same paths, counts and graded indices with other weights, so its bytes are the
same but for the doubles in them. A `Stencil` holds these bytes and where the doubles stand. What no stencil fits is
read and written field by field (``wire``), which also finds the faults; a stencil only ever takes what has none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, pairwise, repeat
from math import isfinite
from operator import attrgetter, itemgetter
from struct import Struct

from nascore.space.mixture import MixedDecision
from nascore.v1 import architecture_pb2

_MOST = 64
_FEWEST = 2  # Of one decision there is nothing to gain.
_LARGEST_BYTES = 1 << 16

_Whole = list[tuple[str, tuple[int, ...], int]]

# Slots are set past the checks of the constructor: here all weights are looked at together, and the rest is known.
_set_path = MixedDecision.__dict__["path"].__set__
_set_weights = MixedDecision.__dict__["weights"].__set__
_set_graded = MixedDecision.__dict__["graded"].__set__
_form_of = attrgetter("path", "graded")
_weights_of = attrgetter("weights")


class Stencil:
    """The bytes of a repeated field of mixed decisions but for the weights.

    Args:
        decisions: At least one; later ones with the same paths, counts and graded indices fit.
        field: Number of the field that holds them.
    """

    def __init__(self, decisions: Sequence[MixedDecision], field: int) -> None:
        texts = [_texts(decision, field) for decision in decisions]
        counts = [len(decision.weights) for decision in decisions]
        self._paths = [decision.path for decision in decisions]
        self._graded = [decision.graded for decision in decisions]
        self._known = list(zip(self._paths, self._graded, strict=True))
        self._counts = counts
        # Before each decision's weights comes its own beginning, and the end of the one before.
        ends = [b"", *(end for _, end in texts)]
        self._literals = (*(end + begin for end, (begin, _) in zip(ends, texts, strict=False)), ends[-1])
        self._beginnings = [(text,) for text in self._literals[:-1]]
        layout = "".join(f"{len(text)}s{n}d" for text, n in zip(self._literals, [*counts, 0], strict=True))
        self._struct = Struct(f"<{layout.removesuffix('0d')}")
        starts = list(accumulate((n + 1 for n in counts), initial=0))
        self._text_of = itemgetter(*starts)
        self._weights_in = [itemgetter(slice(start + 1, end)) for start, end in pairwise(starts)]
        self.size = self._struct.size

    def read(self, data: bytes) -> tuple[MixedDecision, ...] | None:
        """Return the decisions in ``data``, which has `size` bytes; ``None`` if they do not fit, or are not finite."""
        weights = self._weights(data)
        if weights is None:
            return None
        read = tuple(map(MixedDecision.__new__, repeat(MixedDecision, len(weights))))
        _for_each(map(_set_path, read, self._paths))
        _for_each(map(_set_weights, read, weights))
        _for_each(map(_set_graded, read, self._graded))
        return read

    def fits(self, data: bytes) -> bool:
        """Whether `read` would return decisions; without making them."""
        return len(data) == self.size and self._weights(data) is not None

    def write(self, decisions: Sequence[MixedDecision]) -> bytes | None:
        """Return the bytes of decisions; ``None`` if they do not fit."""
        if list(map(_form_of, decisions)) != self._known:
            return None
        weights = list(map(_weights_of, decisions))
        if list(map(len, weights)) != self._counts:
            return None
        pieces = chain.from_iterable(chain.from_iterable(zip(self._beginnings, weights, strict=True)))
        return self._struct.pack(*pieces, self._literals[-1])

    def _weights(self, data: bytes) -> list[tuple[float, ...]] | None:
        """Return the weights of each decision, if all that stands around them is as it was, and they are finite."""
        values = self._struct.unpack(data)
        if self._text_of(values) != self._literals:
            return None
        weights = [each(values) for each in self._weights_in]
        return weights if isfinite(sum(map(sum, weights))) else None


class Stencils:
    """Stencils of one field that fitted lately. Safe for several threads: every step is one operation on a dictionary.

    Args:
        field: Number of the field.
    """

    def __init__(self, field: int) -> None:
        self._field = field
        self._by_size: dict[int, Stencil] = {}
        self._by_form: dict[tuple[int, str, tuple[int, ...]], Stencil] = {}
        self._last: _Whole = []

    def read(self, data: bytes) -> tuple[MixedDecision, ...] | None:
        """Return the decisions in the bytes of a message; ``None`` if no stencil fits."""
        stencil = self._by_size.get(len(data))
        return None if stencil is None else stencil.read(data)

    def write(self, decisions: Sequence[MixedDecision]) -> bytes | None:
        """Return the bytes of decisions; ``None`` if no stencil fits, which the next ones like them will find."""
        if len(decisions) < _FEWEST:
            return None
        stencil = self._by_form.get(_form(decisions))
        data = None if stencil is None else stencil.write(decisions)
        if data is None:
            self.keep(decisions)
        return data

    def keep(self, decisions: Sequence[MixedDecision]) -> None:
        """Remember how decisions look that were read or written field by field, unless there are few or very many.

        Only of what comes twice in a row: where it is drawn which weights are graded, hardly two look the same, and a
        stencil costs as much as ten of them.
        """
        if len(decisions) < _FEWEST:
            return
        last, self._last = self._last, [(each.path, each.graded, len(each.weights)) for each in decisions]
        if last != self._last:
            return
        stencil = Stencil(decisions, self._field)
        if stencil.size > _LARGEST_BYTES:
            return
        if len(self._by_form) >= _MOST:
            self._by_form.clear()
            self._by_size.clear()
        self._by_form[_form(decisions)] = self._by_size[stencil.size] = stencil

    def like(self, messages: Sequence[architecture_pb2.MixedDecision]) -> Stencil | None:
        """Return the stencil that decisions may fit, by their number and the first of them."""
        first = messages[0]
        return self._by_form.get((len(messages), first.path, tuple(first.graded)))

    def fitting(self, data: bytes) -> Stencil | None:
        """Return the stencil that fits the bytes of a message: `read` finds decisions in it, and no fault."""
        stencil = self._by_size.get(len(data))
        return stencil if stencil is not None and stencil.fits(data) else None


def _for_each(done: Iterable[object]) -> None:
    """Exhaust an iterator at the speed of C."""
    deque(done, 0)


def _form(decisions: Sequence[MixedDecision]) -> tuple[int, str, tuple[int, ...]]:
    """Return what tells most forms apart; a stencil looks for itself whether it fits."""
    return len(decisions), decisions[0].path, decisions[0].graded


def _texts(decision: MixedDecision, field: int) -> tuple[bytes, bytes]:
    """Return the bytes of one decision before and after its weights, as protobuf encodes them.

    Source: https://protobuf.dev/programming-guides/encoding/; a MixedDecision has the fields 1 (path), 2 (weights) and
    3 (graded), and like these is preceded by its length.
    """
    path = _delimited(1, decision.path.encode()) if decision.path else b""
    size = 8 * len(decision.weights)
    graded = _delimited(3, b"".join(map(_varint, decision.graded))) if decision.graded else b""
    weights = bytes([2 << 3 | 2]) + _varint(size)
    head = bytes([field << 3 | 2]) + _varint(len(path) + len(weights) + size + len(graded))
    return head + path + weights, graded


def _delimited(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
