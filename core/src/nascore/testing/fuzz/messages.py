"""Messages whose bytes are right and whose values are not: fields at their corners, dropped, doubled and exchanged.

Not here: bytes that are no message (``wire_bytes``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from nascore.testing.fuzz.corners import ENCODABLE_TEXTS, INTEGERS, REALS

_INTEGER_RANGES: Mapping[int, tuple[int, int]] = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
}
_FITTING = {
    kind: tuple(number for number in INTEGERS if low <= number <= high) for kind, (low, high) in _INTEGER_RANGES.items()
}
_REPEATS = (2, 3, 17, 257, 1001)


class Messages:
    """Makes messages with values at their corners.

    Args:
        messages: Valid ones.
        texts: For fields by name, texts that mean something there; fields not named take any text.
    """

    def __init__(self, messages: Sequence[Message], *, texts: Mapping[str, Sequence[str]] | None = None) -> None:
        self._originals = tuple((type(message), message.SerializeToString()) for message in messages)
        self._texts = dict(texts or {})

    def __call__(self, rng: random.Random) -> bytes:
        """Return the next message, serialized."""
        kind, raw = self._originals[int(rng.random() * len(self._originals))]
        message = kind.FromString(raw)
        if "request_id" in message.DESCRIPTOR.fields_by_name and rng.random() < 0.9:
            # Fresh, or nearly all would be answered as repetitions of each other.
            message.request_id = f"{rng.getrandbits(64):x}"  # type: ignore[attr-defined]  # looked up above
        self._change(message, rng)
        while rng.random() < 0.4:
            self._change(message, rng)
        return message.SerializeToString()

    def _change(self, message: Message, rng: random.Random) -> None:
        inside = self._inside(message, rng)
        fields = inside.DESCRIPTOR.fields
        if not fields:
            return
        field = cast(FieldDescriptor, fields[int(rng.random() * len(fields))])  # upb's own class has the same shape
        if rng.random() < 0.15:
            inside.ClearField(field.name)
        elif field.is_repeated:
            self._change_repeated(inside, field, rng)
        elif field.message_type is not None:
            getattr(inside, field.name).SetInParent()
        else:
            setattr(inside, field.name, self._value(field, rng))

    def _inside(self, message: Message, rng: random.Random) -> Message:
        """Return the message itself or one somewhere inside."""
        while rng.random() < 0.75:
            # Only what is set is listed, so that a repeated field is never empty here.
            inner = [value for field, value in message.ListFields() if field.message_type is not None]
            if not inner:
                break
            chosen = inner[int(rng.random() * len(inner))]
            message = chosen if isinstance(chosen, Message) else chosen[int(rng.random() * len(chosen))]
        return message

    def _change_repeated(self, message: Message, field: FieldDescriptor, rng: random.Random) -> None:
        values = getattr(message, field.name)
        kind = rng.random()
        if kind < 0.3 and len(values):
            del values[int(rng.random() * len(values))]
        elif kind < 0.4 and len(values):
            times = _REPEATS[int(rng.random() * len(_REPEATS))] if rng.random() < 0.1 else 2
            values.extend([values[int(rng.random() * len(values))]] * times)
        elif kind < 0.5 and len(values) > 1:
            first = values[0]
            del values[0]
            values.extend([first])
        elif field.message_type is not None:
            values.add()
        else:
            values.append(self._value(field, rng))

    def _value(self, field: FieldDescriptor, rng: random.Random) -> object:
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_STRING:
            texts = self._texts.get(field.name)
            return _of(texts if texts and rng.random() < 0.7 else ENCODABLE_TEXTS, rng)
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return rng.randbytes(int(rng.random() * 40))
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return rng.random() < 0.5
        if kind in _FITTING:
            return int(rng.random() * 6) if rng.random() < 0.5 else _of(_FITTING[kind], rng)
        return _of(REALS, rng)


def _of(values: Sequence[str] | Sequence[int] | Sequence[float], rng: random.Random) -> object:
    return values[int(rng.random() * len(values))]


def either(
    first: Callable[[random.Random], bytes], second: Callable[[random.Random], bytes], share: float
) -> Callable[[random.Random], bytes]:
    """Return a maker of inputs that takes ``share`` of them from the first maker, the others from the second."""
    return lambda rng: first(rng) if rng.random() < share else second(rng)
