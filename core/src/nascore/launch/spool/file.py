"""The spool: a worker's parcels that the server has not acknowledged yet, in memory and on disk.

One private folder (0700) for each worker, whose name is a digest, since names never become paths; in it one append-only
file, see ``nascore.launch.spool.lines``. What is promised:

* ``add`` returns once the parcel is written: it outlives this process, even by SIGKILL.
* ``sync`` returns once all is on the disk: it outlives a power cut. From then on, until the spool is empty, every
  ``add`` syncs as well. ``done`` need not: what it says is lost at worst, and the server takes no parcel twice.
* A disk that is full or fails costs that promise, never a trial: parcels stay in memory, the log says so once, and the
  next word tries the disk again.
* The file stays below a cap: the oldest reports are thinned, every second one at a time; an outcome is never dropped.

Whoever started a worker reads what it left behind, once it has ended. Not here: sending (the workers' SDK, and
``nascore.cli.lost`` for the dead).
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nascore.failpoints import failpoint
from nascore.launch.spool.lines import FORMAT, done_line, header_line, parcel_line, read_lines
from nascore.launch.spool.parcel import Parcel, ParcelKind

logger = logging.getLogger(__name__)

MAX_BYTES = 4 * 2**20
"""Size of a spool at which reports are thinned: some twenty thousand of them."""

_FILE = "parcels"
_TIDY_BYTES = 64 * 2**10
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


def spool_folder(home: Path, experiment: str, worker: str) -> Path:
    """Return the folder of a worker's spool."""
    digest = hashlib.sha256(f"{experiment}\0{worker}".encode(errors="surrogatepass")).hexdigest()
    return home / "spool" / digest[:32]


def has_spool(home: Path, experiment: str, worker: str) -> bool:
    """Whether a worker has ever kept anything there."""
    return (spool_folder(home, experiment, worker) / _FILE).exists()


class Spool:
    """A worker's parcels. Thread-safe.

    Args:
        home: Folder below which the worker's own one is made; ``None`` keeps parcels in memory only.
        experiment: The worker's experiment.
        worker: Its name.
        max_bytes: Size at which reports are thinned.

    Attributes:
        folder: The worker's folder; ``None`` if parcels are kept in memory only.
    """

    def __init__(self, home: Path | None, *, experiment: str, worker: str, max_bytes: int = MAX_BYTES) -> None:
        self._owner = (experiment, worker)
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        # Guarded by _lock:
        self._pending: dict[str, tuple[Parcel, bytes]] = {}
        self._file = -1
        self._size = 0
        self._is_careful = False
        self._is_faulty = False
        self.folder = None if home is None else spool_folder(home, experiment, worker)
        if self.folder is not None:
            self._open(self.folder)

    @property
    def pending(self) -> tuple[Parcel, ...]:
        """Parcels that are not acknowledged, oldest first."""
        with self._lock:
            return tuple(parcel for parcel, _ in self._pending.values())

    @property
    def place(self) -> str:
        """Where parcels are kept, for a person: the folder, or "memory"."""
        return "memory" if self.folder is None or self._is_faulty else str(self.folder)

    def add(self, parcel: Parcel) -> None:
        """Keep a parcel."""
        line = parcel_line(parcel)
        with self._lock:
            self._pending[parcel.request_id] = (parcel, line)
            self._append(line, is_synced=self._is_careful)
            if self._size > self._max_bytes:
                self._thin()

    def sync(self) -> None:
        """See that everything is on the disk, now and until the spool is empty."""
        with self._lock:
            if not self._is_careful:
                self._is_careful = True
                self._append(b"", is_synced=True)

    def done(self, parcels: Iterable[Parcel]) -> None:
        """Forget parcels: they are acknowledged, or nobody wants them any more."""
        with self._lock:
            known = [parcel for parcel in parcels if self._pending.pop(parcel.request_id, None) is not None]
            if not known:
                return
            try:
                failpoint("spool.before_done")
            except OSError as error:
                self._fail(error)
            is_worth_it = self._is_careful or self._is_faulty or self._size > _TIDY_BYTES
            if self._pending or not is_worth_it:
                self._append(b"".join(done_line(parcel.request_id) for parcel in known), is_synced=False)
            else:
                self._empty()

    def close(self) -> None:
        """Close the file; what is not acknowledged stays in it."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for private in (folder.parent, folder):
                private.chmod(0o700)
            self._file = os.open(folder / _FILE, _FLAGS | os.O_CREAT, 0o600)
            # POSIX locks, since a trial's own forks would go on holding the other kind.
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._file), (folder / _FILE).stat()):
                raise BlockingIOError("another process of this worker has just replaced it")
            for made in (folder, folder.parent, folder.parent.parent):
                _sync_folder(made)
            self._take_up()
        except BlockingIOError:
            self._only_in_memory(f"another process of the worker {self._owner[1]!r} uses {folder}")
        except OSError as error:
            self._only_in_memory(f"{folder}: {error}")

    def _take_up(self) -> None:
        """Reads what an earlier process has left behind, and clears away what need not be kept."""
        self._size = os.fstat(self._file).st_size
        found = read_lines(os.pread(self._file, self._size, 0))
        if found.format != FORMAT or found.owner not in (("", ""), self._owner):
            # Another version's, or another worker's: not ours to touch.
            self._only_in_memory(f"{self.folder} has format {found.format} and belongs to {found.owner}")
            return
        if found.broken:
            logger.warning("%s: %d lines are not what was written, and are left out.", self.folder, found.broken)
        self._pending = {parcel.request_id: (parcel, line) for parcel, line in found.pending}
        if self._pending:
            self._is_careful = True
            self._rewrite()
        elif self._size:
            self._empty()

    def _only_in_memory(self, reason: str) -> None:
        logger.warning("What the server has not taken is kept in memory only: %s.", reason)
        if self._file >= 0:
            os.close(self._file)
        self._file, self.folder = -1, None

    def _append(self, lines: bytes, *, is_synced: bool) -> None:
        if self._file < 0:
            self._size += len(lines)
            return
        try:
            if self._is_faulty:
                self._rewrite()
                logger.warning("%s can be written again.", self.folder)
                return
            self._write(lines if self._size else header_line(*self._owner) + lines)
            if is_synced:
                self._sync()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Notes that the file is not what it should be; the next word writes it anew."""
        if not self._is_faulty:
            logger.warning("%s cannot be written, so parcels stay in memory: %s", self.folder, error)
        self._is_faulty = True

    def _write(self, lines: bytes) -> None:
        failpoint("spool.before_write")
        while lines:
            written = os.write(self._file, lines)
            self._size += written
            lines = lines[written:]
        failpoint("spool.after_write")

    def _sync(self) -> None:
        failpoint("spool.before_sync")
        os.fsync(self._file)
        failpoint("spool.after_sync")

    def _thin(self) -> None:
        """Drops every second of the older half of the reports until half of the room is free."""
        while sum(len(line) for _, line in self._pending.values()) > self._max_bytes // 2:
            reports = [key for key, (parcel, _) in self._pending.items() if parcel.kind is ParcelKind.REPORT]
            if not reports:
                break
            for key in reports[1 : len(reports) // 2 : 2] or reports[:1]:
                del self._pending[key]
        self._size = sum(len(line) for _, line in self._pending.values())
        try:
            self._rewrite()
        except OSError as error:
            self._fail(error)

    def _empty(self) -> None:
        try:
            if self._file >= 0:
                os.ftruncate(self._file, 0)
            self._size = 0
            self._is_careful = self._is_faulty = False
        except OSError as error:
            # Those lines are read as pending by the next process; the server takes none twice.
            self._fail(error)

    def _rewrite(self) -> None:
        """Replaces the file, in one step, by one with what is pending and nothing else."""
        if self._file < 0 or self.folder is None:
            return
        fresh = self.folder / f"{_FILE}.new"
        # A file that a killed process left half written; nobody else has the lock.
        fresh.unlink(missing_ok=True)
        before, size = self._file, self._size
        self._file, self._size = os.open(fresh, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600), 0
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(header_line(*self._owner) + b"".join(line for _, line in self._pending.values()))
            self._sync()
            failpoint("spool.before_rename")
            fresh.replace(self.folder / _FILE)
            _sync_folder(self.folder)
        except OSError:
            os.close(self._file)
            self._file, self._size = before, size
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        self._is_faulty = False
        os.close(before)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
