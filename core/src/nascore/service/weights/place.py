"""Where a store's bytes lie, told so that a caller on the same machine can know that it sees the same folder.

The server writes a fresh nonce into the folder; who reads the same one there sees the same files. It says nothing that
opens anything: whether a caller may read the files is for the file system to decide. Folders in which callers lay blobs
down are locked while they have them, so those of callers who died are known. Not here: what callers do then.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from nascore.service.weights.sink import OFFERS
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore

_NONCE_BYTES = 32
_STAGING = "staging"
_UNHELD_S = 60.0
"""Age from which an offer that nobody holds goes when the next caller comes: one that is just being made is younger."""


class Nonce:
    """The nonce of one server in the folder of a store; made when it is asked for first, gone with `close`."""

    def __init__(self, store: DirectoryStore) -> None:
        self._folder = store.folder.absolute()
        self._name = f"{_STAGING}/.part-nonce-{secrets.token_hex(8)}"
        self._content = secrets.token_bytes(_NONCE_BYTES)
        self._descriptor = -1
        self._guard = threading.Lock()  # Guards the descriptor.

    def told(self) -> weights_pb2.GetPlaceResponse:
        """Return where the folder is and what to look for in it."""
        with self._guard:
            if self._descriptor < 0:
                self._descriptor = self._written()
        self.sweep(stale_after_s=_UNHELD_S)
        return weights_pb2.GetPlaceResponse(folder=str(self._folder), nonce_file=self._name, nonce=self._content)

    def sweep(self, *, stale_after_s: float) -> tuple[int, int]:
        """Remove offers whose owners died, those of this age; returns how many files and bytes."""
        count = freed = 0
        for folder in Path(self._folder, OFFERS).glob("*"):
            with suppress(OSError):  # Its owner has it, or removes it at this moment.
                if time.time() - folder.stat().st_mtime >= stale_after_s:
                    sizes = _removed(folder)
                    count, freed = count + len(sizes), freed + sum(sizes)
        return count, freed

    def close(self) -> None:
        """Remove the nonce."""
        with self._guard:
            if self._descriptor >= 0:
                Path(self._folder, self._name).unlink(missing_ok=True)
                os.close(self._descriptor)
                self._descriptor = -1

    def _written(self) -> int:
        for name in (_STAGING, OFFERS):
            Path(self._folder, name).mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(self._folder / self._name, flags, 0o600)
        # What is locked in the staging folder is in use, so no collection removes it; a killed server's is stale.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, self._content)
        return descriptor


def _removed(folder: Path) -> list[int]:
    """Remove an offer that nobody holds, and return the sizes of its files.

    Raises:
        BlockingIOError: Somebody holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sizes = [file.stat().st_size for file in folder.iterdir()]
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)
    return sizes
