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

from blake3 import blake3

from nascore.errors import ExhaustedResourceError, InvalidInputError
from nascore.weights.contract import BlobWriter
from nascore.weights.durable import TEMPORARY
from nascore.weights.layout import Layout
from nascore.weights.manifest import is_digest
from nascore.weights.safetensors import Kind, read_kind
from nascore.weights.upload import FinishedUpload, Upload

MAX_BLOB = 2**40
MAX_STAGED = 2**40
_SURVEY_EVERY = 256
_FEW = 8
_MOST_KINDS = 20_000
_PIECE = 1 << 20


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
        self._kinds: dict[str, Kind] = {}  # Of blobs that were proven here; each step on it is atomic.

    def ready(self, digests: Collection[str]) -> dict[str, Path]:
        """Return the files of those blobs that are proven and wait for a commit."""
        if len(digests) <= _FEW:
            waiting = [digest for digest in digests if os.path.exists(_name(self._layout, digest))]  # noqa: PTH110 - often
            return {digest: self.ready_file(digest) for digest in waiting}
        # One look at the folder takes less than one at each file.
        names = {entry.name for entry in self._entries()}
        return {digest: self.ready_file(digest) for digest in digests if f"{digest}{_ready_end()}" in names}

    def ready_file(self, digest: str) -> Path:
        """Return where a proven blob waits."""
        return Path(_name(self._layout, digest))

    def kind(self, digest: str) -> Kind:
        """Return element type and shape of a proven blob; its digest says all about it, so they stay what they are.

        Raises:
            FileNotFoundError: It does not wait any more.
        """
        return self._kinds.get(digest) or read_kind(_name(self._layout, digest))

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        if not is_digest(digest):
            raise InvalidInputError(f"{digest!r:.80} is no digest; those have 64 hexadecimal digits.")
        if type(size) is not int or not 8 < size <= MAX_BLOB:
            raise InvalidInputError(f"{size!r:.40} is no size of a blob; it has more than 8 bytes and at most 2^40.")
        ready = _name(self._layout, digest)
        if os.path.exists(ready):  # noqa: PTH110 - a checkpoint has hundreds of blobs
            return FinishedUpload(digest, size)
        upload = Upload(self._layout.staging, digest, size, ready=ready, told=self._tell)
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
        for entry, found in self._found():
            with suppress(FileNotFoundError):
                is_stale = time.time() - found.st_mtime >= stale_after_s
                if is_stale and _remove(Path(entry.path), is_rehearsal=is_rehearsal):
                    count, freed = count + 1, freed + found.st_size
        return count, freed

    def _tell(self, digest: str, kind: Kind) -> None:
        """Remember the kind of a blob that was just proven."""
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[digest] = kind

    def _reserve(self, size: int) -> None:
        if self._begun % _SURVEY_EVERY == 0 or self._taken + size > self._limit:
            self._taken = sum(found.st_size for _, found in self._found())
        self._begun += 1
        if self._taken + size > self._limit:
            raise ExhaustedResourceError(
                f"Uploads take {self._taken:,} bytes, and {size:,} more would pass the limit of {self._limit:,}.",
                hint="Commit or abort uploads, or collect stale ones.",
            )
        if (free := _free(str(self._layout.staging))) < size:
            raise ExhaustedResourceError(
                f"{self._layout.staging}: no room on the disk for {size:,} bytes; {free:,} are free.",
                hint="Mend that and try again.",
            )
        self._taken += size

    def _found(self) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        """What is staged, less what others finish or remove meanwhile."""
        for entry in self._entries():
            try:
                found = entry.stat()
            except FileNotFoundError:
                continue
            yield entry, found

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        with suppress(FileNotFoundError), os.scandir(self._layout.staging) as entries:
            yield from entries


def digest_of_file(file: Path) -> str:
    """Return the digest of a file that somebody else may be writing; it is read, never mapped: it could become shorter.

    Raises:
        InvalidInputError: ``file`` is no ordinary file.
    """
    hasher = blake3()
    with os.fdopen(_ordinary(file), "rb", buffering=0) as source:
        while piece := source.read(_PIECE):
            hasher.update(piece)
    return hasher.hexdigest()


def temporary(layout: Layout) -> str:
    """Return the name of a file that a commit is about to make."""
    return f"{layout.staging}/{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"


def _name(layout: Layout, digest: str) -> str:
    return f"{layout.staging}/{digest}{_ready_end()}"


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


def _free(folder: str) -> int:
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
