"""What a store of checkpoints promises, whatever keeps its bytes: a folder, or object storage.

A *blob* is a safetensors file of one tensor, named "tensor" inside; its digest is BLAKE3 of all its bytes. A
*checkpoint* is a manifest that names blobs by digest; its id is the first half of the BLAKE3 digest of the manifest.
Blobs are uploaded first, then a commit makes the checkpoint visible in one step, and may move a *name* to it.

All methods may be called from several threads and processes at once. A call that has returned is durable; one that
raised, or whose process died, is wholly done or not at all. Not here: torch, the network, live tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Self

from nascore.weights.answers import Collected, Committed, Damage, Direction, Lineage, Page, Place, Reference, Usage
from nascore.weights.manifest import Manifest

MAX_PAGE = 1000
STALE_AFTER_S = 24 * 3600.0
"""Age from which an upload that nobody continued is removed."""


class BlobWriter(ABC):
    """An upload of one blob; used by one thread. Leaving its context keeps what is staged, to go on later.

    Attributes:
        digest: BLAKE3 of the blob.
        size: Its bytes.
    """

    digest: str
    size: int

    @property
    @abstractmethod
    def offset(self) -> int:
        """Bytes that are staged; the next ones begin here."""

    @abstractmethod
    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Add bytes.

        Raises:
            StateError: They do not begin at ``offset``; what is staged stays.
            InvalidInputError: More bytes than the blob has.
            ExhaustedResourceError: The disk is full; what is staged stays.
        """

    @abstractmethod
    def finish(self) -> None:
        """Prove the bytes; from now on commits may name the blob.

        Raises:
            StateError: Bytes are still to come.
            DataLossError: They are not those of the digest; the upload is gone and begins anew.
            InvalidInputError: They are no blob: a safetensors file of just one tensor, as this package writes it.
        """

    @abstractmethod
    def abort(self) -> None:
        """Forget what is staged."""

    @abstractmethod
    def close(self) -> None:
        """Leave the upload as it is, for whoever goes on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlobReader(ABC):
    """An open blob; readable until it is closed, also if it is collected meanwhile.

    Attributes:
        digest: BLAKE3 of all its bytes, which the reader may prove.
        size: Its bytes: a short header, then the tensor's data.
        place: Where the data lie on this machine; ``None`` if they do not.
    """

    digest: str
    size: int
    place: Place | None

    @abstractmethod
    def read_into(self, offset: int, buffer: bytearray | memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on, and return how many bytes there were.

        Raises:
            DataLossError: The file is shorter than it was.
        """

    @abstractmethod
    def close(self) -> None:
        """Let it go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WeightStore(ABC):
    """Checkpoints, and the blobs that they consist of."""

    @abstractmethod
    def present(self, digests: Collection[str]) -> set[str]:
        """Return those digests whose blobs a commit may name now, without uploading them."""

    @abstractmethod
    def upload(self, digest: str, size: int) -> BlobWriter:
        """Begin to upload a blob, or go on where an earlier upload of it ended.

        Raises:
            InvalidInputError: ``digest`` is none, or ``size`` is no size of a blob.
            ExhaustedResourceError: The disk, or the room for uploads, would not hold it; nothing was allocated.
        """

    @abstractmethod
    def open_blob(self, digest: str) -> BlobReader:
        """Open a blob that some checkpoint names.

        Raises:
            NotFoundError: There is none.
            DataLossError: Its file is gone or has another length.
        """

    @abstractmethod
    def commit(
        self,
        manifest: Manifest,
        *,
        experiment: str,
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
    ) -> Committed:
        """Make a checkpoint of blobs that are present, in one step.

        Args:
            manifest: What it consists of.
            experiment: Whose it is; its quota counts.
            name: A name of the experiment that shall point to it.
            if_match: Move the name only if it has this etag.
            create_only: Only if there is no such name yet.
            request_id: The same id again gives the same answer, and does nothing.

        Raises:
            MissingBlobsError: Blobs are missing; all are named.
            MovedNameError: The name is not as ``if_match`` or ``create_only`` say; the error has its etag.
            ConflictError: The request id was used for something else, which is named.
            NotFoundError: A parent is not known.
            InvalidInputError: The manifest contradicts its blobs, or a name is none.
            ExhaustedResourceError: The quota, or the disk, would not hold it; nothing of it is visible.
        """

    @abstractmethod
    def manifest(self, checkpoint: str) -> Manifest:
        """Return what a checkpoint consists of, also of a released one while it has living descendants.

        Raises:
            NotFoundError: There is no such checkpoint.
            DataLossError: Its bytes are not those that were written.
        """

    @abstractmethod
    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """Return checkpoints that are not released, oldest first.

        Args:
            experiment: Only those of this experiment.
            trial: Only those of this trial.
            after: Where the page before ended.
            limit: At most so many, up to 1000.
        """

    @abstractmethod
    def reference(self, experiment: str, name: str) -> Reference:
        """Return where a name points.

        Raises:
            NotFoundError: There is no such name.
        """

    @abstractmethod
    def references(self, experiment: str) -> tuple[Reference, ...]:
        """Return all names of an experiment, sorted."""

    @abstractmethod
    def unname(self, experiment: str, name: str, *, if_match: str = "") -> None:
        """Remove a name; the checkpoint stays.

        Raises:
            NotFoundError: There is no such name.
            MovedNameError: It has another etag than ``if_match``.
        """

    @abstractmethod
    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """Return ancestors and descendants up to ``depth`` generations away.

        Raises:
            NotFoundError: There is no such checkpoint.
        """

    @abstractmethod
    def pin(self, checkpoint: str, *, is_pinned: bool = True) -> None:
        """Keep a checkpoint from being released, or no longer.

        Raises:
            NotFoundError: There is no such checkpoint.
        """

    @abstractmethod
    def release(self, checkpoint: str, *, experiment: str = "") -> None:
        """Give up a checkpoint, in one experiment or in all; its blobs go with the next collection if nobody has them.

        What was given up there before, and is still known to `lineage`, is given up: who calls again because the answer
        was lost is told that it is done.

        Raises:
            NotFoundError: There is no such checkpoint there, and has not been.
            StateError: It is pinned, or has a name, which is given.
        """

    @abstractmethod
    def keep_best(self, experiment: str, metric: str, n: int, *, direction: Direction) -> tuple[str, ...]:
        """Release all checkpoints of an experiment but the best, those that have a name and those that are pinned.

        Args:
            experiment: Which one.
            metric: What decides; a checkpoint without it is worse than all others.
            n: How many to keep, besides the named and pinned ones.
            direction: Which values are better; of equals the older one.

        Returns:
            What was released.
        """

    @abstractmethod
    def set_quota(self, experiment: str, quota: int | None) -> None:
        """Limit the bytes of all blobs that an experiment references; what is there already stays."""

    @abstractmethod
    def usage(self, experiment: str) -> Usage:
        """Return what an experiment uses."""

    @abstractmethod
    def collect(self, *, stale_after_s: float = STALE_AFTER_S, is_rehearsal: bool = False) -> Collected:
        """Remove blobs that no checkpoint names, uploads that nobody continued for so long, and forgotten manifests.

        Args:
            stale_after_s: How long.
            is_rehearsal: Only say what would be removed.
        """

    @abstractmethod
    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """Prove every stored byte, or those of one checkpoint, and return what is wrong.

        Raises:
            NotFoundError: There is no such checkpoint.
        """
