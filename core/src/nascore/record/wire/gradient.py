"""The gradient in the bytes of an outcome, found and read without making a message of each decision.

By the forms of `nascore.space.stencil`; what does not look as expected is read field by field.
"""

from __future__ import annotations

from nascore.space import MixedDecision
from nascore.space.stencil import Stencil
from nascore.space.wire import GRADIENTS, mixed_from_messages
from nascore.v1 import tuner_pb2

_STATUS = tuner_pb2.Outcome.STATUS_FIELD_NUMBER << 3
_METRIC = tuner_pb2.Outcome.METRICS_FIELD_NUMBER << 3 | 2
_ONE_BYTE = 0x80


def gradient_from_message(message: tuner_pb2.Outcome) -> tuple[MixedDecision, ...]:
    """Reads the gradient of an outcome.

    Raises:
        ArchitectureError: Weights or indices are wrong, or there are too many.
    """
    if not message.gradient:
        return ()
    found = _found(message, message.SerializeToString())
    read = None if found is None else found[0].read(found[1])
    if read is None:
        read = mixed_from_messages(message.gradient)
        GRADIENTS.keep(read)
    return read


def is_known_gradient(message: tuner_pb2.Outcome, data: bytes) -> bool:
    """Whether the gradient of an outcome, of which ``data`` are the bytes, is without a fault as far as can be told.

    Where it cannot be told here, `gradient_from_message` tells.
    """
    found = _found(message, data)
    return found is not None and found[0].fits(found[1])


def _found(message: tuner_pb2.Outcome, data: bytes) -> tuple[Stencil, bytes] | None:
    """Return a stencil that may fit the gradient, and the bytes that it would have to fit."""
    stencil = GRADIENTS.like(message.gradient)
    place = _begin(data)
    if stencil is None or place is None:
        return None
    part = data[place : place + stencil.size]
    return (stencil, part) if len(part) == stencil.size else None


def _begin(data: bytes) -> int | None:
    """Return where the fields before the gradient end; ``None`` if that takes a closer look."""
    place = 0
    while place + 1 < len(data) and data[place] in (_STATUS, _METRIC):
        after = data[place + 1]
        if after >= _ONE_BYTE:
            return None
        place += 2 if data[place] == _STATUS else 2 + after
    return place
