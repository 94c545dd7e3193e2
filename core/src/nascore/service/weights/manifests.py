"""Manifests on the wire: read from requests or from blobs, and sent in pieces that together are proven by their id.

Not here: what a manifest says (``nascore.weights.manifest``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress

from nascore.errors import InvalidInputError, NotFoundError, UnavailableError, UnsupportedError
from nascore.service.weights import messages
from nascore.service.weights.threads import Threads
from nascore.v1 import weights_pb2
from nascore.weights import Entry, Manifest, WeightStore
from nascore.weights.manifest import MAX_MANIFEST, checkpoint_of, read_manifest

_ASIDE = "manifests on their way"
"""Where manifests that came as blobs are, so that they are in no experiment's list."""
_PIECE = 256 << 10
_MOST_HELD = 96 << 20


class Manifests:
    """Sends manifests; belongs to one event loop.

    Args:
        store: Whose.
        threads: Where they are read.

    Attributes:
        held_bytes: Of all that are being sent.
    """

    def __init__(self, store: WeightStore, threads: Threads) -> None:
        self._store = store
        self._threads = threads
        self.held_bytes = 0

    async def sent(self, checkpoint: str) -> AsyncGenerator[weights_pb2.GetManifestResponse, None]:
        """Yield the messages of a manifest.

        Raises:
            NotFoundError: There is no such checkpoint.
            UnavailableError: Too many large ones are being sent to callers who read them slowly.
        """
        content = await self._threads.call(_content, self._store, checkpoint)
        if self.held_bytes and self.held_bytes + len(content) > _MOST_HELD:
            raise UnavailableError(
                f"Manifests of {self.held_bytes:,} bytes are on their way to slow readers.",
                hint="Try again in a moment.",
            )
        self.held_bytes += len(content)
        try:
            yield weights_pb2.GetManifestResponse(checkpoint=checkpoint, size=len(content), data=content[:_PIECE])
            for begin in range(_PIECE, len(content), _PIECE):
                yield weights_pb2.GetManifestResponse(data=content[begin : begin + _PIECE])
        finally:
            self.held_bytes -= len(content)


def manifest_of(store: WeightStore, request: weights_pb2.CommitRequest) -> Manifest:
    """Return the manifest that a commit brings, in the request or in a blob.

    Raises:
        InvalidInputError: There is none, or both, or it is no manifest in canonical form.
    """
    if bool(request.manifest_json) == bool(request.manifest_blob):
        raise InvalidInputError("manifest_json or manifest_blob: one of the two is needed.", hint="Give one.")
    content = request.manifest_json
    if len(content) > messages.MAX_INLINE_MANIFEST:
        raise InvalidInputError(
            f"manifest_json: {len(content):,} bytes, at most {messages.MAX_INLINE_MANIFEST:,} are taken.",
            hint="Upload it as a blob of U8, and name that in manifest_blob.",
        )
    if request.manifest_blob:
        content = _uploaded(store, request.manifest_blob, request.manifest_size)
    manifest = read_manifest(content, checkpoint=checkpoint_of(content))
    if manifest.to_bytes() != content:
        raise InvalidInputError("manifest_json is not in canonical form (RFC 8785), so its id would not be its own.")
    return manifest


def _content(store: WeightStore, checkpoint: str) -> bytes:
    content = store.manifest(checkpoint).to_bytes()
    if checkpoint_of(content) != checkpoint:
        raise UnsupportedError(
            f"Checkpoint {checkpoint} has a manifest in an older format, which is read on its own machine only.",
            hint="Put its tensors again.",
        )
    return content


def _uploaded(store: WeightStore, digest: str, size: int) -> bytes:
    """Return a manifest that was uploaded as a blob, which is a checkpoint of its own while it is read.

    Raises:
        InvalidInputError: It is too large to be one.
        MissingBlobsError: It was not uploaded.
    """
    messages.digest(digest, "manifest_blob")
    if not 0 < size <= MAX_MANIFEST:
        raise InvalidInputError(f"manifest_size: {size:,} bytes, 1 to {MAX_MANIFEST:,} are taken.")
    entry = Entry("manifest", "U8", (size,), digest, size)
    held = store.commit(Manifest(0, (entry,)), experiment=_ASIDE).checkpoint
    try:
        with store.open_blob(digest) as reader:
            content = bytearray(size)
            reader.read_into(reader.size - size, content)
    finally:
        with suppress(NotFoundError):  # Somebody else has read the same one meanwhile.
            store.release(held, experiment=_ASIDE)
    return bytes(content)
