"""Writes what one process asks of a server, and what it is told, as lines of JSON that survive its death.

Each line is one ``write`` to a file of this process's own, opened for appending: SIGKILL loses no line that was
written, and any number of processes record into one folder. Not here: reading them
(``nascore.testing.history.operation``).
"""

from __future__ import annotations

import itertools
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from nascore.errors import NascoreError, PermissionDeniedError
from nascore.record import JsonValue

SUFFIX = ".jsonl"


class Recorder:
    """The history of one process; a context manager. Thread-safe.

    Args:
        folder: Where histories are gathered; made if it is not there.
        name: Name of the process among them; its process id is added.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}-{os.getpid()}{SUFFIX}"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def invoke(self, call: str, worker: str, *, request_id: str = "", **arguments: JsonValue) -> Attempt:
        """Write that something is asked now, before it is.

        Args:
            call: Name of the client's method.
            worker: Who asks.
            request_id: Id of the request; the same one for each attempt at it.
            **arguments: What else is said, as JSON values; ``trial`` and ``epoch`` where there are.
        """
        with self._lock:
            number = next(self._numbers)
        self._write(number, "invoke", call=call, worker=worker, request_id=request_id, arguments=arguments)
        return Attempt(self, number)

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, number: int, what: str, **fields: JsonValue | Mapping[str, JsonValue]) -> None:
        line = {"operation": number, "what": what, "at": time.monotonic(), "time": time.time(), **fields}
        os.write(self._file, json.dumps(line, separators=(",", ":"), default=dict).encode() + b"\n")


class Attempt:
    """One attempt at one operation; exactly one of its methods says how it ended."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        self._recorder, self._number = recorder, number

    def ok(self, answer: Mapping[str, JsonValue]) -> None:
        """Write that the server acknowledged it."""
        self._recorder._write(self._number, "ok", answer=answer)

    def failed(self, error: NascoreError) -> None:
        """Write that the server refused it, so that it has no effect; or that nobody knows whether it has one."""
        # A token that a restarted server no longer knows may come after an earlier try of the same call had its effect.
        is_open = error.is_retryable or isinstance(error, PermissionDeniedError)
        self._recorder._write(
            self._number, "unknown" if is_open else "refused", reason=error.reason, message=error.message
        )


def plain_number(value: float) -> JsonValue:
    """Return a number as JSON can hold it: those that are not finite as text."""
    return value if math.isfinite(value) else str(value)
