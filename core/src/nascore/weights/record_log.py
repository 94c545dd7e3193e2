"""The log of a store: what was done to it, a line of JSON each, with a checksum. The index can be made from it.

The first line names the log; a record follows the one before it by ``seq``. Lines are appended by who holds the
store's lock; one that is torn at the end was never acknowledged. Not here: what records do (``index_changes``), and
summaries of what came before (``compaction``).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, cast

from blake3 import blake3

from nascore.errors import DataLossError, InvalidInputError
from nascore.failpoints import failpoint
from nascore.space.strictjson import read_json
from nascore.weights.durable import named_if_failed, sync_folder, write_file

_PLAIN, _COMPACTED = 1, 2
_CHECK = "check"
_HEAD_BYTES = 256


class Verb(Enum):
    """What was done."""

    COMMIT = "commit"
    RELEASE = "release"
    COLLECT = "collect"
    FORGET = "forget"
    PIN = "pin"
    UNPIN = "unpin"
    UNNAME = "unname"
    QUOTA = "quota"
    # In summaries only, see ``compaction``.
    KNOW = "know"
    NAME = "name"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the log.

    Attributes:
        verb: What was done.
        experiment: Where; empty for all.
        checkpoints: To which.
        name: The name that was moved or removed.
        request: Id of the request.
        content: Digest of what the request asked for.
        pack: The pack that holds the small tensors that came with it.
        place: In object storage, what is in the names of all objects that came with it, and in no others.
        placed: In object storage, what came with it, or was removed; see ``objects.naming``.
        quota: Bytes; -1 for no limit.
        at: When it was committed, Unix time in seconds; 0: not known.
        seq: Its number, from 1; 0 until it is appended. In a summary that of the record that made it true.
    """

    verb: Verb
    experiment: str = ""
    checkpoints: tuple[str, ...] = ()
    name: str = ""
    request: str = ""
    content: str = ""
    pack: str = ""
    place: str = ""
    placed: tuple[str, ...] = ()
    quota: int = -1
    at: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a log.

    Attributes:
        identity: Tells this log from all others; empty if there is no log.
        succeeds: The log in whose place it was put, see ``compaction``; empty for none.
        seq: Number of the last record that its summary stands for.
        summary: Bytes of the summary, which follows the line.
        digest: BLAKE3 of the summary.
        size: Bytes of the line itself.
    """

    identity: str = ""
    succeeds: str = ""
    seq: int = 0
    summary: int = 0
    digest: str = ""
    size: int = 0

    @property
    def end(self) -> int:
        """Where the first record behind the summary begins."""
        return self.size + self.summary


_FIELDS = {field.name: field.default for field in fields(Record)}


class RecordLog:
    """The file of a log; all but `identity` and `read` need the store's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> str:
        """Make an empty log and return its identity."""
        identity = secrets.token_hex(8)
        write_file(self.path, [head_line(identity)])
        sync_folder(self.path.parent)
        return identity

    def head(self) -> Head:
        """Return what the first line says; an empty head if there is no log.

        Raises:
            DataLossError: The line is not what was written.
            InvalidInputError: Its format is not known here.
        """
        try:
            with self.path.open("rb") as file:
                line = file.readline(_HEAD_BYTES)
        except FileNotFoundError:
            return Head()
        return read_head(line.removesuffix(b"\n"), where=f"{self.path}, line 1")

    @property
    def size(self) -> int:
        """Bytes of the file; 0 if there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def read(self, offset: int, *, seq: int) -> Iterator[tuple[Record, int]]:
        """Yield records with the offset behind each, from ``offset`` on, where record ``seq`` has ended.

        A line without its end is passed over: whoever began it was killed.

        Raises:
            DataLossError: A line is not what was written, or is missing.
        """
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                seq += 1
                yield read_record(line, seq, where=str(self.path)), offset

    def append(self, record: Record, offset: int) -> int:
        """Make a record durable at ``offset`` and return where it ends; what stood there was never acknowledged.

        Raises:
            ExhaustedResourceError: The disk is full or failed; the record is not there.
        """
        line = record_line(record)
        with named_if_failed(self.path), self.path.open("r+b", buffering=0) as file:
            try:
                file.truncate(offset)
                file.seek(offset)
                failpoint("weights.before_log")
                if file.write(line) != len(line):
                    raise OSError(28, os.strerror(28))
                os.fsync(file.fileno())
                failpoint("weights.after_log")
            except BaseException:
                file.truncate(offset)
                raise
        return offset + len(line)

    def take_back(self, offset: int) -> None:
        """Remove what begins at ``offset``, if anything does: its transaction failed."""
        if self.size > offset:
            os.truncate(self.path, offset)


def head_line(identity: str, **summary: str | int) -> bytes:
    """Return the first line of a log; ``summary`` has the fields of `Head` that say so of one that is compacted."""
    return _line({"format": _COMPACTED if summary else _PLAIN, "log": identity, **summary})


def read_head(line: bytes, *, where: str) -> Head:
    """Return what the first line of a log says.

    Raises:
        DataLossError: It is not what was written.
        InvalidInputError: Its format is not known here.
    """
    document = _document(line, name=where)
    if (format_ := document.pop("format", None)) not in (_PLAIN, _COMPACTED):
        raise InvalidInputError(
            f"{where} has format {format_!r}; {_PLAIN} and {_COMPACTED} are known here.",
            hint="A newer nascore wrote it; upgrade to open it.",
        )
    try:
        return Head(document.pop("log"), size=len(line) + 1, **document)
    except (KeyError, TypeError) as fault:
        raise DataLossError(f"{where}: not the fields of the first line: {fault}.") from fault


def record_line(record: Record) -> bytes:
    """Return the line of a record."""
    return _line(_stored(record))


def read_record(line: bytes, seq: int | None, *, where: str) -> Record:
    """Return the record in a line, which has to be the one of number ``seq`` unless that is ``None``.

    Raises:
        DataLossError: It is not what was written, or another one.
    """
    document = _document(line, name=where if seq is None else f"{where}, record {seq}")
    try:
        document["verb"] = Verb(document["verb"])
        for name in ("checkpoints", "placed"):
            document[name] = tuple(document.get(name, ()))
        record = Record(**document)
    except (KeyError, TypeError, ValueError) as fault:
        raise DataLossError(f"{where}, record {seq or ''}: not the fields of a record: {fault}.") from fault
    if seq is not None and record.seq != seq:
        raise DataLossError(f"{where}: record {record.seq} stands where {seq} belongs; lines are missing.")
    return record


def _stored(record: Record) -> dict[str, object]:
    values = {name: getattr(record, name) for name in _FIELDS}
    chosen = {name: value for name, value in values.items() if value != _FIELDS[name]}
    return chosen | {"verb": record.verb.value, "seq": record.seq}


def _line(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f'{text[:-1]},"{_CHECK}":"{_check(text.encode())}"}}\n'.encode()


def _document(line: bytes, *, name: str) -> dict[str, Any]:
    body, found, check = line.rstrip(b"\n").rpartition(f',"{_CHECK}":"'.encode())
    if not found or check != f'{_check(body + b"}")}"}}'.encode():
        raise DataLossError(f"{name}: its bytes are not those that were written.", hint="Restore it from a copy.")
    return cast(dict[str, Any], read_json(body + b"}", error=InvalidInputError))


def _check(text: bytes) -> str:
    return blake3(text).hexdigest()[:16]
