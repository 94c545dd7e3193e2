"""Uploads: blobs that no commit names yet, each in a file of its own, resumable by digest.

::

    staging/<digest>.<n>.part        bytes that came so far; locked by who writes, the n-th at a time
    staging/<digest>.<boot>.ready    proven; counts until the machine starts anew, for it was not flushed yet
    staging/.part-*                  files of a commit or of a put that is just being made

Flushing is left to the commit, which does it for all its files at once. Not here: the file of one upload (``upload``),
and where blobs go from here (``placing``).
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from nascore.errors import ExhaustedResourceError, InvalidInputError
from nascore.weights.contract import BlobWriter
from nascore.weights.durable import TEMPORARY
from nascore.weights.layout import Layout
from nascore.weights.manifest import is_digest
from nascore.weights.upload import FinishedUpload, Upload

MAX_BLOB = 2**40
MAX_STAGED = 2**40
_SURVEY_EVERY = 256
_FEW = 8


class Staging:
    """The uploads of a store.

    Args:
        layout: Where.
        limit: Bytes that all uploads together may take.
    """

    def __init__(self, layout: Layout, *, limit: int = MAX_STAGED) -> None:
        self._layout = layout
        self._limit = limit
        self._taken = 0
        self._begun = 0

    def ready(self, digests: Collection[str]) -> dict[str, Path]:
        """Return the files of those blobs that are proven and wait for a commit."""
        if len(digests) <= _FEW:
            files = {digest: self.ready_file(digest) for digest in digests}
            return {digest: file for digest, file in files.items() if file.exists()}
        # One look at the folder takes less than one at each file.
        names = {entry.name for entry in self._entries()}
        return {digest: self.ready_file(digest) for digest in digests if f"{digest}{_ready_end()}" in names}

    def ready_file(self, digest: str) -> Path:
        """Return where a proven blob waits."""
        return Path(f"{self._layout.staging}/{digest}{_ready_end()}")

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        if not is_digest(digest):
            raise InvalidInputError(f"{digest!r:.80} is no digest; those have 64 hexadecimal digits.")
        if type(size) is not int or not 8 < size <= MAX_BLOB:
            raise InvalidInputError(f"{size!r:.40} is no size of a blob; it has more than 8 bytes and at most 2^40.")
        ready = self.ready_file(digest)
        if ready.exists():
            return FinishedUpload(digest, size)
        upload = Upload(self._layout.staging, digest, size, ready=ready)
        try:
            self._reserve(size - upload.offset)
        except BaseException:
            upload.close()
            raise
        return upload

    def adopt(self, file: Path, digest: str) -> None:
        """Take a blob from a file on this machine: it is copied, and the copy is proven.

        Raises:
            InvalidInputError: ``file`` is no ordinary file.
            DataLossError: Its bytes are not those of the digest.
            ExhaustedResourceError: The disk, or the room for uploads, would not hold it.
        """
        source = _ordinary(file)
        try:
            with self.upload(digest, os.fstat(source).st_size) as upload:
                if isinstance(upload, Upload):
                    upload.copy(source)
                    upload.finish()
        finally:
            os.close(source)

    def sweep(self, *, stale_after_s: float, is_rehearsal: bool = False) -> tuple[int, int]:
        """Remove what nobody continued for so long, or only look; returns how many files and bytes."""
        count = freed = 0
        for file, found in self._found():
            with suppress(FileNotFoundError):
                if time.time() - found.st_mtime >= stale_after_s and _remove(file, is_rehearsal=is_rehearsal):
                    count, freed = count + 1, freed + found.st_size
        return count, freed

    def _reserve(self, size: int) -> None:
        if self._begun % _SURVEY_EVERY == 0 or self._taken + size > self._limit:
            self._taken = sum(found.st_size for _, found in self._found())
        self._begun += 1
        if self._taken + size > self._limit:
            raise ExhaustedResourceError(
                f"Uploads take {self._taken:,} bytes, and {size:,} more would pass the limit of {self._limit:,}.",
                hint="Commit or abort uploads, or collect stale ones.",
            )
        if (free := _free(self._layout.staging)) < size:
            raise ExhaustedResourceError(
                f"{self._layout.staging}: no room on the disk for {size:,} bytes; {free:,} are free.",
                hint="Mend that and try again.",
            )
        self._taken += size

    def _found(self) -> Iterator[tuple[Path, os.stat_result]]:
        """What is staged, less what others finish or remove meanwhile."""
        for entry in self._entries():
            with suppress(FileNotFoundError):
                yield Path(entry.path), entry.stat()

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with suppress(FileNotFoundError), os.scandir(self._layout.staging) as entries:
            yield from entries


def temporary(layout: Layout) -> Path:
    """Return the name of a file that a commit is about to make."""
    return layout.staging / f"{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"


def _remove(file: Path, *, is_rehearsal: bool) -> bool:
    """Remove a staged file unless somebody holds it, or only say whether it could be."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_rehearsal:
            file.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _ordinary(file: Path) -> int:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        raise InvalidInputError(f"{file.name!r} cannot be adopted: {fault.strerror}.") from fault
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise InvalidInputError(f"{file.name!r} cannot be adopted: it is no ordinary file.")


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@lru_cache(maxsize=1)
def _ready_end() -> str:
    """Return the end of the names of proven blobs: which start of the machine this is, or else which process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "").strip()[:16]
    except OSError:
        boot = f"{os.getpid()}-{time.time_ns()}"
    return f".{boot}.ready"
