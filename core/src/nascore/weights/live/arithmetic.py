"""Adding to tensors in place, in blocks that stay in the cache: F64 and F32 as they are, F16 and BF16 by way of F32.

NumPy has no bfloat16: such a tensor is held as its 16 bits, which are the upper half of an F32. Narrowing rounds to
nearest, ties to even, once per update (IEEE 754, 4.3.1). Not here: which tensor, and when (``table``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nascore.weights.live.terms import Rule

Elements: TypeAlias = "NDArray[np.generic]"
Wide: TypeAlias = "NDArray[np.float32] | NDArray[np.float64]"

ELEMENTS: Mapping[str, np.dtype[np.generic]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
"""How tensors of each element type that a table may have are held."""

_BLOCK = 1 << 16
_QUIET = np.uint32(0x0040_0000)
_INFINITY = np.uint32(0x7F80_0000)
_SIGN = np.uint32(0x8000_0000)


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the nearest bfloat16 of each, as its bits; ties to even, NaN stays NaN."""
    bits = values.view(np.uint32)
    rounded = bits + (((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF))
    is_nan = (bits & ~_SIGN) > _INFINITY
    if is_nan.any():  # Rounding could carry one into the sign, or cut it down to infinity.
        rounded = np.where(is_nan, bits | _QUIET, rounded)
    return (rounded >> np.uint32(16)).astype("<u2")


def from_bf16(bits: Elements) -> NDArray[np.float32]:
    """Return the values of bfloat16 bits, exactly."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def apply(dtype: str, target: Elements, pushed: Elements, *, rule: Rule, factor: float) -> None:
    """Update ``target`` in place.

    Args:
        dtype: Element type of both, one of ``ELEMENTS``.
        target: Part of a tensor, flat.
        pushed: What was pushed for it, as long; may lie at any address.
        rule: What to do.
        factor: What a delta, or the way towards what was pushed, is multiplied by; ASSIGN does not use it.
    """
    # Weights may overflow to infinity as anywhere; whoever trains finds out.
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, len(target), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            _apply_block(dtype, target[part], pushed[part], rule, factor)


def _apply_block(dtype: str, target: Elements, pushed: Elements, rule: Rule, factor: float) -> None:
    if rule is Rule.ASSIGN or (rule is Rule.EMA and factor == 1.0):
        target[:] = pushed
    elif dtype in ("F32", "F64"):
        _add(target, pushed, rule, factor, out=target)  # type: ignore[arg-type]  # the element type says which it is
    elif dtype == "F16":
        before = target.astype(np.float32)
        target[:] = _add(before, pushed.astype(np.float32), rule, factor, out=before).astype(np.float16)
    else:
        before = from_bf16(target)
        target[:] = to_bf16(_add(before, from_bf16(pushed), rule, factor, out=before))  # type: ignore[arg-type]  # F32


def _add(before: Wide, pushed: Wide, rule: Rule, factor: float, *, out: Wide) -> Wide:
    step = pushed - before if rule is Rule.EMA else pushed
    if factor != 1.0:
        step = step * before.dtype.type(factor)
    np.add(before, step, out=out)
    return out


def blocks(size: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the pieces of ``size``, each of ``length`` but the last."""
    for begin in range(0, size, length):
        yield begin, min(size, begin + length)
