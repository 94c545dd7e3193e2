"""The lines of a spool's file: JSON with a checksum in front, so that a torn or altered line is found.

::

    5c1f0e9a {"format": 1, "experiment": "abcdefgh", "worker": "worker-0"}
    9b0c77d2 {"add": {"kind": "outcome", "request_id": "...", "trial": 12, "epoch": 1, "content": {...}}}
    0d4f1a55 {"done": "..."}

Not here: files (``nascore.launch.spool.file``). The checksum is CRC-32 as in zlib and PNG (ISO 3309), in hexadecimal.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nascore.launch.spool.parcel import Parcel, parcel_from_json, parcel_to_json

FORMAT = 1
"""Version of the lines; a file of another one is left alone."""

_DIGITS = 8
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a spool's file holds.

    Attributes:
        owner: Experiment and worker that it belongs to; empty if it does not say.
        format: Version of its lines.
        pending: Parcels without an acknowledgement, oldest first, each with its line.
        broken: Lines that are not what was written; a torn last one does not count.
    """

    owner: tuple[str, str]
    format: int
    pending: tuple[tuple[Parcel, bytes], ...]
    broken: int


def header_line(experiment: str, worker: str) -> bytes:
    """Return the first line of a file."""
    return _line({"format": FORMAT, "experiment": experiment, "worker": worker})


def parcel_line(parcel: Parcel) -> bytes:
    """Return the line that keeps a parcel."""
    return _line({"add": parcel_to_json(parcel)})


def done_line(request_id: str) -> bytes:
    """Return the line that says that a parcel is acknowledged, or need not be sent any more."""
    return _line({"done": request_id})


def read_lines(content: bytes) -> Contents:
    """Return what a file holds, without the lines that are not whole."""
    owner, version, broken = ("", ""), FORMAT, 0
    pending: dict[str, tuple[Parcel, bytes]] = {}
    *lines, _torn = content.split(b"\n")
    for line in lines:
        match _read(line):
            case {"format": int(version), "experiment": str(experiment), "worker": str(worker)}:
                owner = (experiment, worker)
            case {"add": dict(data)}:
                try:
                    parcel = parcel_from_json(data)
                except (KeyError, TypeError, ValueError):
                    broken += 1
                else:
                    pending[parcel.request_id] = (parcel, line + b"\n")
            case {"done": str(request_id)}:
                pending.pop(request_id, None)
            case _:
                broken += 1
    return Contents(owner, version, tuple(pending.values()), broken)


def _line(data: Mapping[str, Any]) -> bytes:
    text = _ENCODER.encode(data).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> object:
    text = line[_DIGITS + 1 :]
    if line[: _DIGITS + 1] != b"%08x " % zlib.crc32(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
