"""Where everything lies in a store's folder; only digests and ids, once checked, become parts of paths.

::

    log.jsonl                                       what was done, a line each: the truth about checkpoints and names
    manifests/<checkpoint>.json                     what a checkpoint consists of
    blobs/<first two digits>/<digest>.safetensors   one large tensor each, named "tensor" inside
    packs/<digest>.safetensors                      small tensors of one commit, named by their digests inside
    staging/                                        uploads that no commit names yet
    index.db                                        a cache of all this, for finding things; made anew when it is lost
    lock                                            held by who is writing

All but the last two can be read with ordinary tools; files of blobs and packs are named by what ``b3sum`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nascore.errors import NotFoundError
from nascore.weights.manifest import is_checkpoint, is_digest

_SUFFIX = ".safetensors"


class Layout:
    """The paths of a store in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.jsonl"
        self.index = folder / "index.db"
        self.lock = folder / "lock"
        self.manifests = folder / "manifests"
        self.blobs = folder / "blobs"
        self.packs = folder / "packs"
        self.staging = folder / "staging"

    def manifest(self, checkpoint: str) -> Path:
        """Return the file of a manifest.

        Raises:
            NotFoundError: ``checkpoint`` is no id of one.
        """
        if not is_checkpoint(checkpoint):
            raise NotFoundError(f"{checkpoint!r} is no id of a checkpoint; those have 32 hexadecimal digits.")
        return self.manifests / f"{checkpoint}.json"

    def blob(self, digest: str) -> Path:
        """Return the file of a large tensor."""
        return Path(self.blob_name(digest))

    def blob_name(self, digest: str) -> str:
        """Return the file of a large tensor as plain text: a commit has hundreds, and paths take much longer."""
        return f"{self.blobs}/{digest[:2]}/{digest}{_SUFFIX}"

    def pack(self, digest: str) -> Path:
        """Return the file of a pack."""
        return self.packs / f"{digest}{_SUFFIX}"

    def stored_manifests(self) -> Iterator[str]:
        """Yield the ids of all manifests that there are."""
        return (file.stem for file in self.manifests.glob("*.json") if is_checkpoint(file.stem))

    def stored_blobs(self) -> Iterator[str]:
        """Yield the digests of all blobs that have a file of their own."""
        return (file.stem for file in self.blobs.glob(f"*/*{_SUFFIX}") if is_digest(file.stem))

    def stored_packs(self) -> Iterator[str]:
        """Yield the digests of all packs."""
        return (file.stem for file in self.packs.glob(f"*{_SUFFIX}") if is_digest(file.stem))
