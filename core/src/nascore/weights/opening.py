"""Opening a store by what a person writes: a folder's path, or the URL of an object storage."""

from __future__ import annotations

from pathlib import Path

from nascore.weights.directory import DirectoryStore
from nascore.weights.indexed import IndexedStore
from nascore.weights.objects import ObjectStore


def open_store(place: str | Path, *, cache: str | Path | None = None) -> IndexedStore:
    """Return the store in a folder or below a URL; nothing is read or made yet.

    Args:
        place: A path, or a URL such as ``s3://bucket/prefix``.
        cache: For a URL, where index and uploads are kept on this machine; see `ObjectStore`.

    Raises:
        InvalidInputError: It is a URL of nothing.
    """
    if isinstance(place, str) and "://" in place:
        return ObjectStore(place, cache=cache)
    return DirectoryStore(place)
