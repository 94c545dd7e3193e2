"""Protobuf that is nearly right: valid messages whose bytes were cut, doubled, exchanged, nested and spoilt.

It knows the wire format (varints, lengths, groups), not the messages: each valid message is taken apart once, nested
ones included, and a mutation is then a few slices. Field values at their corners are in ``messages``. Source:
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from nascore.testing.fuzz.edits import Edit, edited, picked, torn

_VARINT, _FIXED64, _LENGTH = range(3)
_DEEP = (10, 50, 99, 101, 500, 5000)


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A valid message, taken apart.

    Attributes:
        raw: Its bytes.
        records: Begin and end of every field, those of nested messages included.
        lengths: Begin and end of every length and its payload: what a splice has to write anew.
    """

    raw: bytes
    records: tuple[tuple[int, int], ...]
    lengths: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, message: Message) -> WireMessage:
        """Take a message apart."""
        raw = message.SerializeToString()
        scan = _Scan(raw)
        scan.fields(0, len(raw), cast(Descriptor, message.DESCRIPTOR))  # upb has its own class of the same shape
        return cls(raw, tuple(scan.records), tuple(scan.lengths))


class WireBytes:
    """Makes bytes that are nearly the messages of some type."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = tuple(map(WireMessage.of, messages))
        found = {each.raw[begin:end] for each in self._messages for begin, end in each.records if end - begin < 300}
        self._records = (b"", *sorted(found))

    def __call__(self, rng: random.Random) -> bytes:
        """Return the next message."""
        message = self._messages[int(rng.random() * len(self._messages))]
        edits = [self._edit(message, rng)]
        while rng.random() < 0.3 and len(edits) < 5:
            edits.append(self._edit(message, rng))
        raw = edited(message.raw, edits)
        kind = rng.random()
        if kind < 0.1:
            return torn(raw, rng)
        return _flipped(raw, rng) if kind < 0.3 else raw

    def _edit(self, message: WireMessage, rng: random.Random) -> Edit[bytes]:
        kind = rng.random()
        if kind < 0.15 or not message.records:
            place = int(rng.random() * (len(message.raw) + 1))
            return place, place, _noise(rng)
        if kind < 0.4 and message.lengths:
            begin, middle, end = message.lengths[int(rng.random() * len(message.lengths))]
            return begin, end, self._payload(message.raw[middle:end], rng)
        begin, end = message.records[int(rng.random() * len(message.records))]
        return begin, end, self._record(message.raw[begin:end], rng)

    def _record(self, old: bytes, rng: random.Random) -> bytes:
        kind = rng.random()
        if kind < 0.2:
            return b""
        if kind < 0.45:
            return old * (2 + int(rng.random() * 3))
        if kind < 0.75:
            return picked(self._records, rng)
        if kind < 0.9:
            return _retyped(old, rng)
        return old + _noise(rng)

    def _payload(self, old: bytes, rng: random.Random) -> bytes:
        """Return a length and a payload; right ones, so that readers come as far as the payload, or lies."""
        kind = rng.random()
        if kind < 0.25:
            return _varint(_wrong_length(len(old), rng)) + old
        if kind < 0.4:
            payload = torn(old, rng)
        elif kind < 0.6:
            payload = old + picked(self._records, rng)
        elif kind < 0.7:
            payload = b"\xff\xfe" + old
        elif kind < 0.75:
            payload = _nested(old, _DEEP[int(rng.random() * len(_DEEP))])
        else:
            payload = picked(self._records, rng)
        return _varint(len(payload)) + payload


class _Scan:
    """Notes where everything stands in a valid message."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.records: list[tuple[int, int]] = []
        self.lengths: list[tuple[int, int, int]] = []

    def fields(self, begin: int, end: int, descriptor: Descriptor) -> None:
        while begin < end:
            tag, place = _read_varint(self._raw, begin)
            kind = tag & 7
            if kind == _LENGTH:
                place = self._payload(place, descriptor.fields_by_number.get(tag >> 3))
            elif kind == _VARINT:
                place = _read_varint(self._raw, place)[1]
            else:
                place += 8 if kind == _FIXED64 else 4
            self.records.append((begin, place))
            begin = place

    def _payload(self, place: int, field: FieldDescriptor | None) -> int:
        size, payload = _read_varint(self._raw, place)
        self.lengths.append((place, payload, payload + size))
        if field is not None and field.message_type is not None:
            self.fields(payload, payload + size, field.message_type)
        return payload + size


def _read_varint(raw: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _wrong_length(right: int, rng: random.Random) -> int:
    wrong = (right + 1, max(0, right - 1), 0, 2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1)
    return wrong[int(rng.random() * len(wrong))]


def _retyped(record: bytes, rng: random.Random) -> bytes:
    tag, place = _read_varint(record, 0)
    return _varint(tag & ~7 | int(rng.random() * 8)) + record[place:]


def _nested(inner: bytes, depth: int) -> bytes:
    """Return messages in messages in field 1, 2 or 4, where recursive messages of ours have themselves."""
    for _ in range(depth):
        if len(inner) > 100_000:
            break
        inner = b"\x0a" + _varint(len(inner)) + inner
    return inner


def _noise(rng: random.Random) -> bytes:
    kind = int(rng.random() * 8)
    if kind == 0:
        return _varint(int(rng.random() * 2**29) << 3 | int(rng.random() * 8))
    if kind == 1:
        return b"\xff" * (1 + int(rng.random() * 11))
    if kind == 2:
        return b"\x0b" * _DEEP[int(rng.random() * len(_DEEP))]  # Groups that open groups.
    if kind == 3:
        return _varint(1000 << 3 | _LENGTH) + _varint(3) + b"abc"  # A field of a newer peer.
    if kind == 4:
        return b"\x0c"  # The end of a group that never began.
    if kind == 5:
        return b"\x00"
    if kind == 6:
        return b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"
    return rng.randbytes(1 + int(rng.random() * 12))


def _flipped(raw: bytes, rng: random.Random) -> bytes:
    if not raw:
        return raw
    changed = bytearray(raw)
    for _ in range(1 + int(rng.random() * 3)):
        changed[int(rng.random() * len(changed))] ^= 1 << int(rng.random() * 8)
    return bytes(changed)
