"""Live tables in messages of ``nascore.v1``; what carries data is framed by hand, and so copied once, not thrice.

The bytes are those of protobuf, and any bytes that protobuf reads are understood: only the field ``data`` is written
and cut out here, and protobuf has the rest. Source: https://protobuf.dev/programming-guides/encoding. Not here:
streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message
from google_crc32c import value as crc32c

from nascore.errors import InvalidInputError
from nascore.v1 import tensor_pb2, weights_pb2
from nascore.weights.live.slots import Slot
from nascore.weights.live.terms import Late, Rule, Terms
from nascore.weights.tensor import Data

PUSH_DATA = weights_pb2.PushRequest.DATA_FIELD_NUMBER
PULL_DATA = weights_pb2.PullResponse.DATA_FIELD_NUMBER

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10
_RULES = {
    Rule.SUM: weights_pb2.UPDATE_RULE_SUM,
    Rule.EMA: weights_pb2.UPDATE_RULE_EMA,
    Rule.ASSIGN: weights_pb2.UPDATE_RULE_ASSIGN,
}
_LATE = {Late.DROP: weights_pb2.LATE_POLICY_DROP, Late.SCALE: weights_pb2.LATE_POLICY_SCALE}

MessageT = TypeVar("MessageT", bound=Message)


def checksum(data: Data) -> int:
    """Return the CRC-32C of bytes, whatever holds them."""
    return int(crc32c(np.frombuffer(data, np.uint8)))


def framed(message: Message, field: int, data: Data) -> bytes:
    """Return the bytes of a message with ``data`` in a field that it leaves out; at most 2 MiB are copied, once."""
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    return b"".join((message.SerializeToString(), varint(field << 3 | _BYTES), varint(size), data))


def unframed(kind: type[MessageT], raw: bytes, *, field: int) -> tuple[MessageT, memoryview]:
    """Return the message in ``raw`` without a field of bytes, and that field; empty if it is not there.

    Raises:
        InvalidInputError: It is no such message, or has the field twice.
    """
    view, data, rest, at = memoryview(raw), memoryview(b""), [], 0
    try:
        while at < len(raw):
            begin = at
            tag, at = _read_varint(raw, at)
            value, at = _skip(raw, at, tag & 7)
            if tag != (field << 3 | _BYTES):
                rest.append(view[begin:at])
            elif data:
                raise InvalidInputError("data: a message has it twice.")
            else:
                data = view[value:at]
        return kind.FromString(b"".join(rest) if data else raw), data
    except (IndexError, DecodeError) as error:
        raise InvalidInputError(
            f"The message is not a {kind.__name__} ({error}).",
            hint="Check that both sides speak the same version of nascore.v1.",
        ) from None


def slots_to_messages(slots: Iterable[Slot]) -> list[weights_pb2.TensorSpec]:
    """Return the messages of slots."""
    return [weights_pb2.TensorSpec(key=s.key, data_type="DATA_TYPE_" + s.dtype, shape=s.shape) for s in slots]


def slots_from_messages(messages: Iterable[weights_pb2.TensorSpec]) -> tuple[Slot, ...]:
    """Return the slots in messages.

    Raises:
        InvalidInputError: One is none.
    """
    names = {number: name.removeprefix("DATA_TYPE_") for name, number in tensor_pb2.DataType.items()}
    return tuple(Slot(m.key, names.get(m.data_type, f"type {m.data_type}"), tuple(m.shape)) for m in messages)


def rule_to_message(rule: Rule) -> int:
    """Return the number of a rule."""
    return int(_RULES[rule])


def rule_from_message(number: int) -> Rule | None:
    """Return a rule; ``None`` if the message leaves it open.

    Raises:
        InvalidInputError: There is no such rule.
    """
    if number == weights_pb2.UPDATE_RULE_UNSPECIFIED:
        return None
    found = next((rule for rule, known in _RULES.items() if known == number), None)
    if found is None:
        raise InvalidInputError(f"rule: {number} is not the number of a rule.")
    return found


def terms_to_request(terms: Terms, request: weights_pb2.OpenTableRequest) -> None:
    """Write the terms of a table into a request."""
    request.rule, request.rate = _RULES[terms.rule], terms.rate
    request.late = _LATE[terms.late]
    if terms.max_lag is not None:
        request.max_lag = terms.max_lag


def terms_from_request(request: weights_pb2.OpenTableRequest) -> Terms:
    """Return the terms in a request; without a rate 1, and without max_lag nothing is late.

    Raises:
        InvalidInputError: The rule is left open, or what is done with late updates although there is a max_lag.
    """
    rule = rule_from_message(request.rule)
    late = next((late for late, known in _LATE.items() if known == request.late), None)
    max_lag = request.max_lag if request.HasField("max_lag") else None
    if rule is None or (late is None and (request.late or max_lag is not None)):
        raise InvalidInputError(
            f"rule {request.rule}, late {request.late}: one is unspecified or unknown.", hint="Say what shall be done."
        )
    return Terms(rule, rate=request.rate or 1.0, max_lag=max_lag, late=late or Late.DROP)


def varint(value: int) -> bytes:
    """Return a number, from 0 on, as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_MAX_VARINT):
        byte = raw[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise IndexError("a number does not end")


def _skip(raw: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return where the value of a field begins and ends."""
    if wire_type == _VARINT:
        end = _read_varint(raw, at)[1]
    elif wire_type == _BYTES:
        length, at = _read_varint(raw, at)
        end = at + length
    elif wire_type in (_FIXED32, _FIXED64):
        end = at + (4 if wire_type == _FIXED32 else 8)
    else:
        raise IndexError(f"wire type {wire_type}")
    if end > len(raw):
        raise IndexError("it ends early")
    return at, end
