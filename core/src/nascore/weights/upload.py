"""One upload: the file in which the bytes of a blob gather, proven when the last has come.

Its steps are calls of the system on plain paths, since a checkpoint has hundreds of blobs. Not here: which uploads
there are, and how much they may take (``staging``).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from nascore.errors import DataLossError, InvalidInputError, StateError, UnavailableError
from nascore.failpoints import failpoint
from nascore.weights.contract import BlobWriter
from nascore.weights.durable import make_folders, named_if_failed
from nascore.weights.safetensors import MAX_BLOB_HEADER, Kind, read_blob_header
from nascore.weights.tensor import size_of

_SIDE_BY_SIDE = 16
_PIECE = 2**18
"""Bytes that are read, hashed and written before the next ones, while they are in the processor's cache."""


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


class Upload(BlobWriter):
    """An upload in ``folder``, the first of this blob that nobody else writes.

    Args:
        folder: The staging folder of a store; made if it is not there.
        digest: BLAKE3 of the blob.
        size: Its bytes.
        ready: Where it goes once it is proven.
        told: Is told digest and kind then.
    """

    def __init__(self, folder: Path, digest: str, size: int, *, ready: str, told: Callable[[str, Kind], None]) -> None:
        self.digest = digest
        self.size = size
        self._ready = ready
        self._told = told
        self._file, self._descriptor, found = _locked(folder, digest)
        self._hasher = blake3()
        self._offset = min(found, size)
        if found:
            os.ftruncate(self._descriptor, self._offset)
            self._hash_file()

    @property
    def offset(self) -> int:
        """See `BlobWriter.offset`."""
        return self._offset

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `BlobWriter.write`."""
        length = size_of(data)
        if offset != self._offset:
            raise StateError(f"Blob {self.digest}: bytes from {self._offset} on are next, not from {offset}.")
        if offset + length > self.size:
            raise InvalidInputError(f"Blob {self.digest} has {self.size} bytes, not {offset + length}.")
        with named_if_failed(self._ready):
            failpoint("weights.before_stage")
            _write_all(self._descriptor, memoryview(data).cast("B") if length else b"", offset)
        self._hasher.update(data)
        self._offset += length

    def copy(self, source: int) -> None:
        """Take all bytes from an open file; one that is shorter than the blob leaves the upload incomplete.

        Whoever has the file open may change it at any moment, so each piece is hashed in the memory from which it is
        written, and never read again: what is proven is what is kept.
        """
        with named_if_failed(self._ready):
            if self._offset:
                os.ftruncate(self._descriptor, 0)
                self._hasher, self._offset = blake3(), 0
            buffer = memoryview(bytearray(min(self.size, _PIECE)))
            while self._offset < self.size:
                count = os.preadv(source, [buffer[: self.size - self._offset]], self._offset)
                if not count:
                    return  # It was made shorter meanwhile.
                _write_all(self._descriptor, buffer[:count], self._offset)
                self._hasher.update(buffer[:count])
                self._offset += count

    def finish(self) -> None:
        """See `BlobWriter.finish`."""
        if self._offset != self.size:
            raise StateError(f"Blob {self.digest}: {self.size - self._offset} bytes are still to come.")
        if self._hasher.hexdigest() != self.digest:
            self.abort()
            raise DataLossError(f"Blob {self.digest}: its bytes are not those of the digest; it is gone.")
        try:
            kind = read_blob_header(os.pread(self._descriptor, MAX_BLOB_HEADER, 0), size=self.size, file=self.digest)
        except DataLossError as fault:
            self.abort()
            raise InvalidInputError(str(fault)) from fault
        failpoint("weights.before_ready")
        os.replace(self._file, self._ready)  # noqa: PTH105 - see the module
        failpoint("weights.after_ready")
        self._told(self.digest, kind)
        self.close()

    def abort(self) -> None:
        """See `BlobWriter.abort`."""
        if self._descriptor >= 0:
            Path(self._file).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """See `BlobWriter.close`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _hash_file(self) -> None:
        """Hash what an earlier upload left; other bytes under this digest end in `finish`."""
        self._hasher = blake3(max_threads=blake3.AUTO)
        self._hasher.update_mmap(self._file)


def _locked(folder: Path, digest: str) -> tuple[str, int, int]:
    """Return the file of the first upload of a blob that nobody else writes, open, and how many bytes it has."""
    for number in range(_SIDE_BY_SIDE):
        file = f"{folder}/{digest}.{number}.part"
        while True:
            descriptor = _opened(file, folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                break
            found = os.fstat(descriptor)
            with suppress(FileNotFoundError):
                if os.stat(file).st_ino == found.st_ino:  # noqa: PTH116 - see the module
                    return file, descriptor, found.st_size
            os.close(descriptor)  # It was finished or removed just before it was locked.
    raise UnavailableError(f"Blob {digest} is being uploaded {_SIDE_BY_SIDE} times already.", hint="Try again.")


def _opened(file: str, folder: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(file, flags, 0o600)
    except FileNotFoundError:
        make_folders([folder])
        return os.open(file, flags, 0o600)


def _write_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
