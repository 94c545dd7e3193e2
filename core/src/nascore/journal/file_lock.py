"""The lock on a log in a file, which dies with the process that holds it.

It is a ``flock`` on ``<database>.lock``; the JSON inside says who holds it, for people and for clients that look for
the server. What the file says counts only while it is locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from nascore.errors import ExhaustedResourceError, InvalidInputError, PermissionDeniedError
from nascore.journal.holder import UNKNOWN, Hold, Holder, held
from nascore.space.strictjson import read_json

_TRIES = 5
_PAUSE_S = 0.02
_LARGEST = 64 * 1024
_LAST_DAY = 4e9  # Times far beyond have no date that can be shown.


class FileHold(Hold):
    """A log in a file that this process holds; made by `acquire`."""

    def __init__(self, descriptor: int, holder: Holder) -> None:
        super().__init__(holder)
        self._descriptor = descriptor
        self._publish()

    def release(self) -> None:
        """See `Hold.release`."""
        if self._descriptor >= 0:
            with suppress(OSError):  # What the file says counts only while it is locked.
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _publish(self) -> None:
        data = json.dumps(asdict(self.holder)).encode()
        try:
            os.pwrite(self._descriptor, data, 0)
            os.ftruncate(self._descriptor, len(data))
        except OSError as error:
            raise ExhaustedResourceError(
                f"The lock file cannot be written: {error.strerror}.", hint="Make room and try again."
            ) from error


def acquire(database: Path, holder: Holder) -> FileHold:
    """Take the database for this process.

    Raises:
        HeldError: Another process holds it; it is named, with the way out.
        PermissionDeniedError: The lock file cannot be opened.
        ExhaustedResourceError: The disk is full or failed.
    """
    try:
        # Not inherited by programs that this process starts: they must not keep the lock after its death.
        descriptor = os.open(_lock_file(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PermissionDeniedError(
            f"{_lock_file(database)} cannot be opened: {error.strerror}.",
            hint="Does the folder exist, and may this user write there?",
        ) from error
    for _ in range(_TRIES):  # `read_file_holder` locks for an instant to look.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return _published(descriptor, holder)
    other = _read(descriptor)
    os.close(descriptor)
    raise held(database, other)


def _published(descriptor: int, holder: Holder) -> FileHold:
    try:
        return FileHold(descriptor, holder)
    except BaseException:
        os.close(descriptor)  # Or this process would hold the lock without knowing it.
        raise


def read_file_holder(database: Path) -> Holder | None:
    """Return who holds the database; ``None`` unless it is really locked."""
    try:
        descriptor = os.open(_lock_file(database), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _lock_file(database: Path) -> Path:
    real = database.resolve()  # Two names of one file have one lock.
    return real.with_name(f"{real.name}.lock")


def _read(descriptor: int) -> Holder:
    """Return what the file says; a holder without a name if it is just being written."""
    try:
        data = cast(dict[str, Any], read_json(os.pread(descriptor, _LARGEST, 0), error=InvalidInputError))
        return Holder(
            int(data["pid"]),
            str(data["host"]),
            str(data["address"]),
            str(data["token_file"]),
            min(max(0.0, float(data["started_at"])), _LAST_DAY),
        )
    except (ValueError, KeyError, TypeError):
        return UNKNOWN
