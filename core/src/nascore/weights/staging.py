"""Uploads: blobs that no commit names yet, each in a file of its own, resumable by digest.

::

    staging/<digest>.<n>.part        bytes that came so far; locked by who writes, the n-th at a time
    staging/<digest>.<boot>.ready    proven; counts until the machine starts anew, for it was not flushed yet
    staging/.part-*                  files of a commit or of a put that is just being made

Flushing is left to the commit, which does it for all its files at once. Not here: where blobs go from here.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from blake3 import blake3

from nascore.errors import DataLossError, ExhaustedResourceError, InvalidInputError, StateError, UnavailableError
from nascore.failpoints import failpoint
from nascore.weights.contract import BlobWriter
from nascore.weights.durable import TEMPORARY, make_folders, named_if_failed
from nascore.weights.layout import Layout
from nascore.weights.manifest import is_digest
from nascore.weights.safetensors import MAX_BLOB_HEADER, read_blob_header
from nascore.weights.tensor import size_of

MAX_BLOB = 2**40
MAX_STAGED = 2**40
_SIDE_BY_SIDE = 16
_SURVEY_EVERY = 64
_COPY = 64 * 2**20


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
        files = {digest: self.ready_file(digest) for digest in digests}
        return {digest: file for digest, file in files.items() if file.exists()}

    def ready_file(self, digest: str) -> Path:
        """Return where a proven blob waits."""
        return self._layout.staging / f"{digest}.{_boot()}.ready"

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        if not is_digest(digest):
            raise InvalidInputError(f"{digest!r:.80} is no digest; those have 64 hexadecimal digits.")
        if type(size) is not int or not 8 < size <= MAX_BLOB:
            raise InvalidInputError(f"{size!r:.40} is no size of a blob; it has more than 8 bytes and at most 2^40.")
        make_folders([self._layout.staging])
        if self.ready_file(digest).exists():
            return FinishedUpload(digest, size)
        upload = _Upload(self._layout, digest, size, ready=self.ready_file(digest))
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
                if isinstance(upload, _Upload):
                    upload.copy(source)
                    upload.finish()
        finally:
            os.close(source)

    def sweep(self, *, stale_after_s: float) -> tuple[int, int]:
        """Remove what nobody continued for so long; returns how many files and bytes."""
        count = freed = 0
        for file, found in self._found():
            with suppress(FileNotFoundError):
                if time.time() - found.st_mtime >= stale_after_s and _remove(file):
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
        if (free := shutil.disk_usage(self._layout.staging).free) < size:
            raise ExhaustedResourceError(
                f"{self._layout.staging}: no room on the disk for {size:,} bytes; {free:,} are free.",
                hint="Mend that and try again.",
            )
        self._taken += size

    def _found(self) -> Iterator[tuple[Path, os.stat_result]]:
        """What is staged, less what others finish or remove meanwhile."""
        with suppress(FileNotFoundError), os.scandir(self._layout.staging) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    yield Path(entry.path), entry.stat()


class FinishedUpload(BlobWriter):
    """An upload that is done already."""

    def __init__(self, digest: str, size: int) -> None:
        self.digest = digest
        self.size = size

    @property
    def offset(self) -> int:
        """See `BlobWriter.offset`."""
        return self.size

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `BlobWriter.write`."""
        if size_of(data):
            raise StateError(f"Blob {self.digest}: all {self.size} bytes are here.", hint="Finish the upload.")

    def finish(self) -> None:
        """See `BlobWriter.finish`."""

    def abort(self) -> None:
        """See `BlobWriter.abort`."""

    def close(self) -> None:
        """See `BlobWriter.close`."""


class _Upload(BlobWriter):
    def __init__(self, layout: Layout, digest: str, size: int, *, ready: Path) -> None:
        self.digest = digest
        self.size = size
        self._ready = ready
        self._file, self._descriptor = _locked(layout, digest)
        self._hasher = blake3()
        self._offset = min(os.fstat(self._descriptor).st_size, size)
        if self._offset:
            self._hash_file()

    @property
    def offset(self) -> int:
        return self._offset

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        length = size_of(data)
        if offset != self._offset:
            raise StateError(f"Blob {self.digest}: bytes from {self._offset} on are next, not from {offset}.")
        if offset + length > self.size:
            raise InvalidInputError(f"Blob {self.digest} has {self.size} bytes, not {offset + length}.")
        with named_if_failed(self._file):
            failpoint("weights.before_stage")
            _write_all(self._descriptor, memoryview(data).cast("B") if length else b"", offset)
        self._hasher.update(data)
        self._offset += length

    def copy(self, source: int) -> None:
        """Take all bytes from an open file, without their passing through this process where the system can."""
        with named_if_failed(self._file):
            os.ftruncate(self._descriptor, 0)
            _copy(source, self._descriptor, self.size)
        self._offset = min(os.fstat(self._descriptor).st_size, self.size)
        self._hash_file()

    def finish(self) -> None:
        if self._offset != self.size:
            raise StateError(f"Blob {self.digest}: {self.size - self._offset} bytes are still to come.")
        if self._hasher.hexdigest() != self.digest:
            self.abort()
            raise DataLossError(f"Blob {self.digest}: its bytes are not those of the digest; it is gone.")
        try:
            read_blob_header(os.pread(self._descriptor, MAX_BLOB_HEADER, 0), size=self.size, file=self.digest)
        except DataLossError as fault:
            self.abort()
            raise InvalidInputError(str(fault)) from fault
        os.ftruncate(self._descriptor, self.size)
        failpoint("weights.before_ready")
        self._file.replace(self._ready)
        failpoint("weights.after_ready")
        self.close()

    def abort(self) -> None:
        if self._descriptor >= 0:
            self._file.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _hash_file(self) -> None:
        """Hash what is staged; an earlier upload of other bytes under this digest ends in `finish`."""
        os.ftruncate(self._descriptor, self._offset)
        self._hasher = blake3(max_threads=blake3.AUTO)
        self._hasher.update_mmap(self._file)


def temporary(layout: Layout) -> Path:
    """Return the name of a file that a commit is about to make."""
    return layout.staging / f"{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"


def _locked(layout: Layout, digest: str) -> tuple[Path, int]:
    """Open the first upload of a blob that nobody else writes."""
    for number in range(_SIDE_BY_SIDE):
        file = layout.staging / f"{digest}.{number}.part"
        while True:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                break
            with suppress(FileNotFoundError):
                if file.stat().st_ino == os.fstat(descriptor).st_ino:
                    return file, descriptor
            os.close(descriptor)  # It was finished or removed just before it was locked.
    raise UnavailableError(f"Blob {digest} is being uploaded {_SIDE_BY_SIDE} times already.", hint="Try again.")


def _remove(file: Path) -> bool:
    """Remove a staged file unless somebody holds it."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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


def _copy(source: int, target: int, size: int) -> None:
    offset = 0
    while offset < size:
        try:
            copied = os.copy_file_range(source, target, min(_COPY, size - offset), offset, offset)
        except OSError:
            copied = os.pwrite(target, os.pread(source, min(_COPY, size - offset), offset), offset)
        if not copied:
            return  # It was made shorter meanwhile, which the digest will tell.
        offset += copied


def _write_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


@lru_cache(maxsize=1)
def _boot() -> str:
    """Return what tells this start of the machine from others, or else this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "").strip()[:16]
    except OSError:
        return f"{os.getpid()}-{time.time_ns()}"
