"""Reads histories back: each operation with its beginning, its end, and what is known of its effect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from nascore.errors import DataLossError
from nascore.testing.history.recorder import SUFFIX


class Status(StrEnum):
    """What is known of an operation's effect."""

    ACKNOWLEDGED = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One attempt at one call.

    Attributes:
        call: Name of the client's method.
        worker: Who asked.
        request_id: Id of the request; several attempts may share it.
        arguments: What was said.
        status: What is known of its effect; unknown if its process died before the answer.
        answer: What was acknowledged.
        reason: Stable code of the error, if there was one.
        begun_at: Monotonic seconds of this machine before it was sent.
        begun_time: The same moment in Unix time, to compare with the log.
        ended_at: Monotonic seconds when the answer had come; infinite if none came.
        ended_time: The same moment in Unix time.
    """

    call: str
    worker: str
    request_id: str
    arguments: Mapping[str, Any]
    begun_at: float
    begun_time: float
    status: Status = Status.UNKNOWN
    answer: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    ended_at: float = float("inf")
    ended_time: float = float("inf")

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server said that it is done."""
        return self.status is Status.ACKNOWLEDGED

    @property
    def trial(self) -> int:
        """Number of the trial that it is about; -1 for none."""
        return int(self.arguments.get("trial", self.answer.get("trial", -1)))

    @property
    def epoch(self) -> int:
        """Epoch of the lease that it is about; -1 for none."""
        return int(self.arguments.get("epoch", self.answer.get("epoch", -1)))


def read_histories(folder: Path) -> tuple[Operation, ...]:
    """Return all operations of a folder, by when they began.

    Raises:
        DataLossError: A line is not what a recorder writes; file and line are named.
    """
    found = [operation for path in sorted(folder.glob(f"*{SUFFIX}")) for operation in _read(path)]
    return tuple(sorted(found, key=lambda operation: operation.begun_at))


def _read(path: Path) -> Iterator[Operation]:
    begun: dict[int, dict[str, Any]] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], 1):  # After the last newline stands what a death cut short, if anything.
        try:
            data = json.loads(line)
            if data["what"] == "invoke":
                begun[data["operation"]] = data
                continue
            yield _ended(begun.pop(data["operation"]), data)
        except (ValueError, KeyError, TypeError) as error:
            raise DataLossError(
                f"{path}, line {number}: not a line of a history ({error!r}): {line[:200]!r}."
            ) from None
    for invoked in begun.values():
        yield _begun(invoked)


def _begun(invoked: Mapping[str, Any]) -> Operation:
    return Operation(
        call=invoked["call"],
        worker=invoked["worker"],
        request_id=invoked["request_id"],
        arguments=invoked["arguments"],
        begun_at=float(invoked["at"]),
        begun_time=float(invoked["time"]),
    )


def _ended(invoked: Mapping[str, Any], data: Mapping[str, Any]) -> Operation:
    return replace(
        _begun(invoked),
        status=Status(data["what"]),
        answer=data.get("answer", {}),
        reason=data.get("reason", ""),
        ended_at=float(data["at"]),
        ended_time=float(data["time"]),
    )
