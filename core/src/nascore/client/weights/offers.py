"""Blobs laid down in a folder that the server sees as well, in files that are kept for the next ones of their length.

To fill memory that is there takes a third of the time that a fresh file takes, so the files of an upload are written
again in the next one, where memory is what the folder is made of: on a disk each writing would cost another one there.
Only what the server has answered for is written again, since it copies before it answers; and as it proves what it has
copied, bytes that change under its hands can fail an upload, but are never committed. A folder belongs to one upload at
a time and is locked while somebody has it, so that a server knows those whose owner has died. Not here: how the
server's folder is found (``shared_folder``).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nascore.client.weights.spares import Spares
from nascore.errors import UnavailableError
from nascore.weights.durable import named_if_failed, unlink, write_parts
from nascore.weights.filesystem import is_in_memory
from nascore.weights.tensor import Data, size_of

OFFERS = "offers"
"""Name of the folder of all offers, in that of a store."""

_KEPT = 256 << 20
"""Bytes that a client may keep between two uploads."""
_TRIES = 8


class Offer:
    """A folder in which blobs are laid down for the server; made when the first one is.

    Attributes:
        name: Its name, which the server is told.
    """

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(16)
        self._folder = f"{folder}/{OFFERS}/{self.name}"
        self._lock = -1
        self._spares = Spares()
        self._guard = threading.Lock()  # Guards the lock, and is held while the folder is made.

    @property
    def kept_bytes(self) -> int:
        """Bytes of the files that wait to be written again."""
        return self._spares.kept_bytes

    def lay_down(self, digest: str, parts: Iterable[Data]) -> None:
        """Write a blob for the server to take.

        Raises:
            ExhaustedResourceError: The disk is full.
        """
        content = list(parts)
        size, file = sum(map(size_of, content)), f"{self._folder}/{digest}"
        spare = self._spares.take(digest, size)
        if not (spare and self._rewrite(spare, digest, content, size=size)):
            self._write(file, content)
        if not self._spares.lay_down(digest, size):
            unlink(file)  # The upload that this was for has ended without it.

    def settle(self, *, limit: int) -> None:
        """Keep what the server has copied by now, up to ``limit`` bytes, and remove the rest."""
        for digest in self._spares.settle(limit=limit):
            unlink(f"{self._folder}/{digest}")

    def remove(self) -> None:
        """Remove the folder."""
        self._spares.settle(limit=0)
        with self._guard:
            descriptor, self._lock = self._lock, -1
        if descriptor >= 0:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(descriptor)

    def abandon(self) -> None:
        """Forget the folder, which belongs to the process that this one was forked from."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _rewrite(self, spare: str, digest: str, content: list[Data], *, size: int) -> bool:
        """Fill a file that is there; `False` if it is not."""
        file = f"{self._folder}/{digest}"
        try:
            if spare != digest:
                os.rename(f"{self._folder}/{spare}", file)  # noqa: PTH104 - a checkpoint has hundreds of blobs
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        with _written(file, descriptor):
            write_parts(descriptor, content)
            os.ftruncate(descriptor, size)  # Whatever became of the file meanwhile.
        return True

    def _write(self, file: str, content: list[Data]) -> None:
        if self._lock < 0:
            self._make()
        try:
            descriptor = _created(file)
        except FileNotFoundError:
            self._make()  # Somebody has removed the folder.
            descriptor = _created(file)
        with _written(file, descriptor):
            write_parts(descriptor, content)

    def _make(self) -> None:
        """Make the folder and lock it; a server that removes it in between has the lock, or leaves none to lock."""
        with self._guard:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1
            folder = Path(self._folder)
            for _ in range(_TRIES):
                folder.parent.mkdir(mode=0o700, exist_ok=True)
                with suppress(FileNotFoundError, BlockingIOError):
                    folder.mkdir(mode=0o700, exist_ok=True)
                    self._lock = _locked(self._folder)
                    return
        raise UnavailableError(f"{self._folder}: it is removed as often as it is made.", hint="Try again.")


class Offers:
    """The folders of a client, kept between uploads; they go with `close`, and at the end of the process. Thread-safe.

    Args:
        folder: The server's.
        limit: Bytes that may be kept between uploads; by default none on a disk.
    """

    def __init__(self, folder: Path, *, limit: int | None = None) -> None:
        self._folder = folder
        self._limit = (_KEPT if is_in_memory(folder) else 0) if limit is None else limit
        self._idle: list[Offer] = []
        self._pid = os.getpid()
        self._guard = threading.Lock()  # Guards the two above.
        weakref.finalize(self, _remove, self._idle, self._pid)

    @contextmanager
    def lent(self) -> Iterator[Offer | None]:
        """Give an offer for an upload that has ended, and was answered, when the context is left without an error.

        ``None`` if nothing can be written in the server's folder.
        """
        if not os.access(self._folder / OFFERS, os.W_OK | os.X_OK):
            yield None
            return
        offer = self._take()
        try:
            yield offer
        except BaseException:
            offer.remove()  # The server may still be copying.
            raise
        self._give(offer)

    def close(self) -> None:
        """Remove what is kept; the next upload begins anew."""
        with self._guard:
            idle = list(self._idle)
            self._idle.clear()
        _remove(idle, self._pid)

    def _take(self) -> Offer:
        with self._guard:
            if self._pid != os.getpid():
                for offer in self._idle:
                    offer.abandon()
                self._idle.clear()
                self._pid = os.getpid()
                weakref.finalize(self, _remove, self._idle, self._pid)
            return self._idle.pop() if self._idle else Offer(self._folder)

    def _give(self, offer: Offer) -> None:
        with self._guard:
            room = self._limit - sum(idle.kept_bytes for idle in self._idle)
            offer.settle(limit=room)
            if is_kept := offer.kept_bytes > 0:
                self._idle.append(offer)
        if not is_kept:
            offer.remove()


def _remove(idle: list[Offer], pid: int) -> None:
    while idle and os.getpid() == pid:
        idle.pop().remove()


def _created(file: str) -> int:
    unlink(file)  # The server may have it open, from an upload that broke off.
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


@contextmanager
def _written(file: str, descriptor: int) -> Iterator[None]:
    """Close a file that is being written; nothing is left of it if that fails.

    Raises:
        ExhaustedResourceError: The disk is full or failed.
    """
    try:
        with named_if_failed(file):
            yield
    except BaseException:
        unlink(file)
        raise
    finally:
        os.close(descriptor)


def _locked(folder: str) -> int:
    """Return a descriptor of a folder that holds its lock.

    Raises:
        FileNotFoundError: It was removed meanwhile.
        BlockingIOError: Somebody else has the lock.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.stat(folder), os.fstat(descriptor)):  # noqa: PTH116 - beside fstat
            raise FileNotFoundError(folder)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
