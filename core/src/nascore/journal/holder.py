"""Who holds a database: one process at a time, found out by a lock of the kernel that dies with it.

The lock is a ``flock`` on ``<database>.lock``; the JSON inside says who holds it, for people and for clients that look
for the server. What the file says counts only while it is locked. Not here: the fencing number inside the database,
which keeps a process that was stopped and passed over from writing (``nascore.journal.sqlite_writer``).
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nascore.errors import HeldError, PermissionDeniedError

_TRIES = 5
_PAUSE_S = 0.02
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a database.

    Attributes:
        pid: Its process id.
        host: Name of its machine.
        address: Where it serves; empty if it does not, or not yet.
        token_file: File with the token for it; empty for none.
        started_at: Unix time in seconds.
    """

    pid: int
    host: str
    address: str = ""
    token_file: str = ""
    started_at: float = 0.0


class Hold:
    """A database that this process holds; made by `acquire`, let go by `release` or with the process.

    Attributes:
        holder: What others read about this process.
    """

    def __init__(self, descriptor: int, holder: Holder) -> None:
        self._descriptor = descriptor
        self.holder = holder
        self._write(holder)

    def update(
        self, *, address: str | None = None, token_file: str | None = None, started_at: float | None = None
    ) -> None:
        """Tell others more: where this process serves, for example; ``None`` leaves a field as it is."""
        given = {"address": address, "token_file": token_file, "started_at": started_at}
        changed = {name: value for name, value in given.items() if value is not None}
        self.holder = replace(self.holder, **changed)  # type: ignore[arg-type]  # each name has its own type above
        self._write(self.holder)

    def release(self) -> None:
        """Let the database go; twice is harmless."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, holder: Holder) -> None:
        data = json.dumps(asdict(holder)).encode()
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))


def acquire(database: Path, holder: Holder) -> Hold:
    """Take the database for this process.

    Raises:
        HeldError: Another process holds it; it is named, with the way out.
        PermissionDeniedError: The lock file cannot be written.
    """
    try:
        # Not inherited by programs that this process starts: they must not keep the lock after its death.
        descriptor = os.open(_lock_file(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PermissionDeniedError(
            f"{_lock_file(database)} cannot be opened: {error.strerror}.",
            hint="Does the folder exist, and may this user write there?",
        ) from error
    for _ in range(_TRIES):  # `read_holder` locks for an instant to look.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return Hold(descriptor, holder)
    other = _read(descriptor)
    os.close(descriptor)
    raise _held(database, other)


def read_holder(database: Path) -> Holder | None:
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
    return database.with_name(f"{database.name}.lock")


def _read(descriptor: int) -> Holder:
    """Return what the file says; a holder without a name if it is just being written."""
    try:
        data = json.loads(os.pread(descriptor, _LARGEST, 0))
        return Holder(
            int(data["pid"]),
            str(data["host"]),
            str(data["address"]),
            str(data["token_file"]),
            float(data["started_at"]),
        )
    except (ValueError, KeyError, TypeError):
        return Holder(0, "unknown")


def _held(database: Path, other: Holder) -> HeldError:
    serving = f", serving at {other.address}" if other.address else ""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(other.started_at)) if other.started_at else "unknown"
    return HeldError(
        f"{database} is held by process {other.pid} on {other.host}{serving}, since {since}.",
        hint=f"Talk to that server instead, or end it (kill {other.pid}) and try again.",
    )
