"""Small blobs between their upload and the commit that names them, in memory: a file for each would cost far more.

Whoever commits too late finds some missing, is told so, and sends them again. Not here: large ones, which are staged.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection

from blake3 import blake3

from nascore.errors import DataLossError, InvalidInputError
from nascore.weights import TensorData, blob_header
from nascore.weights.chunk_wire import MAX_SMALL
from nascore.weights.manifest import is_digest
from nascore.weights.safetensors import MAX_BLOB_HEADER, read_blob_header

_LIMIT = 64 << 20
_OVERHEAD = 512


class SmallBlobs:
    """A server's small blobs; the oldest go when there are too many. Thread-safe.

    Args:
        limit: Bytes that all may take.
    """

    def __init__(self, *, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._taken = 0
        self._tensors: OrderedDict[str, TensorData] = OrderedDict()
        self._guard = threading.Lock()  # Guards the two above.

    def take(self, digest: str, content: bytes) -> None:
        """Keep a blob.

        Raises:
            InvalidInputError: It is none, or not small.
            DataLossError: Its bytes are not those of the digest.
        """
        if not is_digest(digest) or len(content) > MAX_SMALL:
            raise InvalidInputError(
                f"small: {len(content):,} bytes for {digest!r:.80}; a digest of 64 hexadecimal digits and at most "
                f"{MAX_SMALL:,} bytes are needed."
            )
        if blake3(content).hexdigest() != digest:
            raise DataLossError(f"Blob {digest}: its bytes are not those of the digest.", hint="Send them again.")
        tensor = _tensor(digest, content)
        with self._guard:
            if digest not in self._tensors:
                self._taken += tensor.size + _OVERHEAD
            self._tensors[digest] = tensor
            self._tensors.move_to_end(digest)
            while self._taken > self._limit:
                self._taken -= self._tensors.popitem(last=False)[1].size + _OVERHEAD

    def found(self, digests: Collection[str]) -> dict[str, TensorData]:
        """Return those of the blobs that are here."""
        with self._guard:
            return {digest: self._tensors[digest] for digest in digests if digest in self._tensors}

    def forget(self, digests: Collection[str]) -> None:
        """Let blobs go that are stored now."""
        with self._guard:
            for digest in digests:
                if (tensor := self._tensors.pop(digest, None)) is not None:
                    self._taken -= tensor.size + _OVERHEAD


def _tensor(digest: str, content: bytes) -> TensorData:
    try:
        dtype, shape = read_blob_header(content[:MAX_BLOB_HEADER], size=len(content), file=digest)
    except DataLossError as fault:
        raise InvalidInputError(str(fault)) from fault
    return TensorData(dtype, shape, memoryview(content)[len(blob_header(dtype, shape)) :])
