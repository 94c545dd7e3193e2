"""Folders for the sockets of tuners: private, short enough for a socket's path, and never left behind for good.

A folder holds a file that its owner keeps locked, and the kernel unlocks when the owner dies, however it dies. So the
next one that makes a folder can tell which are nobody's any more, and clears them away.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import stat
import tempfile
from pathlib import Path

_PREFIX = "nascore-"
_LOCK_NAME = "owner.lock"
_MAX_SOCKET_PATH = 103  # macOS allows 104 bytes with the final zero, Linux 108.
_MOST_LOOKED_AT = 1000


class PrivateFolder:
    """A folder that only this user can enter, for as long as this process lives or until `clear`.

    Attributes:
        socket: Path of a socket in it.
    """

    def __init__(self, *, socket_name: str) -> None:
        self._path = _fresh(socket_name)
        self._lock = _locked(self._path)
        self.socket = self._path / socket_name

    def clear(self) -> None:
        """Remove it with all it holds; clearing twice is harmless."""
        shutil.rmtree(self._path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def clear_stale(*places: Path) -> int:
    """Remove the folders whose owners are dead; returns how many. Those of other users are not touched.

    Args:
        places: Where to look; by default wherever `PrivateFolder` makes them.
    """
    own = {Path(tempfile.gettempdir()), Path("/tmp")}  # noqa: S108  # only what this user owns is touched
    found = itertools.chain.from_iterable(place.glob(f"{_PREFIX}*") for place in places or own)
    return sum(_clear_if_stale(folder) for folder in itertools.islice(found, _MOST_LOOKED_AT))


def _clear_if_stale(folder: Path) -> bool:
    try:
        seen = folder.lstat()
        if seen.st_uid != os.getuid() or not stat.S_ISDIR(seen.st_mode):
            return False
        lock = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False  # None of ours, or just being made or cleared away.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False  # Its owner lives.
    finally:
        os.close(lock)
    return True


def _fresh(socket_name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if len(os.fsencode(folder / socket_name)) <= _MAX_SOCKET_PATH:
        return folder
    # A deep TMPDIR is common on clusters and macOS; the socket's path must stay short.
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))


def _locked(folder: Path) -> int:
    """Lock a file in the folder; under another name until it is locked, so that nobody takes it for an orphan."""
    unborn = folder / f"{_LOCK_NAME}.new"
    lock = os.open(unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # On a file system without locks nothing is ever stale.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unborn.rename(folder / _LOCK_NAME)
    return lock
