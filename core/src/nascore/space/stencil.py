"""Mixed decisions to and from bytes at the speed of C, where only the numbers differ from those that came before.

Each step of a one-shot search sends the same paths, counts and graded indices with other weights, so its bytes are the
same but for the doubles in them. A `Stencil` holds these bytes and where the doubles stand. What no stencil fits is
read and written field by field (``wire``), which also finds the faults; a stencil only ever takes what has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from math import isfinite
from operator import itemgetter
from struct import Struct

from nascore.space.mixture import MixedDecision

_MOST = 64
_FEWEST = 2  # Of one decision there is nothing to gain.
_LARGEST_BYTES = 1 << 16

# Slots are set past the checks of the constructor: here all weights are looked at together, and the rest is known.
_set_path = MixedDecision.__dict__["path"].__set__
_set_weights = MixedDecision.__dict__["weights"].__set__
_set_graded = MixedDecision.__dict__["graded"].__set__


class Stencil:
    """The bytes of a repeated field of mixed decisions but for the weights.

    Args:
        decisions: At least one; later ones with the same paths, counts and graded indices fit.
        field: Number of the field that holds them.
    """

    def __init__(self, decisions: Sequence[MixedDecision], field: int) -> None:
        texts = [_texts(decision, field) for decision in decisions]
        counts = [len(decision.weights) for decision in decisions]
        self._known = [(decision.path, decision.graded) for decision in decisions]
        self._counts = counts
        # Before each decision's weights comes its own beginning, and the end of the one before.
        ends = [b"", *(end for _, end in texts)]
        self._literals = (*(end + begin for end, (begin, _) in zip(ends, texts, strict=False)), ends[-1])
        layout = "".join(f"{len(text)}s{n}d" for text, n in zip(self._literals, [*counts, 0], strict=True))
        self._struct = Struct(f"<{layout.removesuffix('0d')}")
        starts = list(accumulate((n + 1 for n in counts), initial=0))
        self._text_of = itemgetter(*starts)
        self._spans = [slice(start + 1, end) for start, end in pairwise(starts)]
        self.size = self._struct.size

    def read(self, data: bytes) -> tuple[MixedDecision, ...] | None:
        """Return the decisions in ``data``, which has `size` bytes; ``None`` if they do not fit, or are not finite."""
        values = self._struct.unpack(data)
        if self._text_of(values) != self._literals:
            return None
        read = []
        total = 0.0
        for (path, graded), span in zip(self._known, self._spans, strict=True):
            decision = MixedDecision.__new__(MixedDecision)
            weights = values[span]
            total += sum(weights)
            _set_path(decision, path)
            _set_weights(decision, weights)
            _set_graded(decision, graded)
            read.append(decision)
        return tuple(read) if isfinite(total) else None

    def write(self, decisions: Sequence[MixedDecision]) -> bytes | None:
        """Return the bytes of decisions; ``None`` if they do not fit."""
        if [(decision.path, decision.graded) for decision in decisions] != self._known:
            return None
        weights = [decision.weights for decision in decisions]
        if list(map(len, weights)) != self._counts:
            return None
        texts = self._literals
        pieces = chain.from_iterable((text, *each) for text, each in zip(texts, weights, strict=False))
        return self._struct.pack(*pieces, texts[-1])


class Stencils:
    """Stencils of one field that fitted lately. Safe for several threads: every step is one operation on a dictionary.

    Args:
        field: Number of the field.
    """

    def __init__(self, field: int) -> None:
        self._field = field
        self._by_size: dict[int, Stencil] = {}
        self._by_form: dict[tuple[int, str, tuple[int, ...]], Stencil] = {}

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
        """Remember how decisions look that were read or written field by field, unless there are few or very many."""
        if len(decisions) < _FEWEST:
            return
        stencil = Stencil(decisions, self._field)
        if stencil.size > _LARGEST_BYTES:
            return
        if len(self._by_form) >= _MOST:
            self._by_form.clear()
            self._by_size.clear()
        self._by_form[_form(decisions)] = self._by_size[stencil.size] = stencil


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
