"""What whoever has weights to save or load needs of a store, be it a folder on this machine or a server elsewhere.

`nascore.weights.DirectoryStore` and `nascore.client.weights.Weights` both are one. What a new network inherits is found
by either in the same way, and only what is cut or taken moves::

    inherit(access.manifest(parent), wanted, rules=rules, read=lambda keys: access.get(parent, keys=keys))

Not here: live tables, and the care of a store (quotas, releases, verification), which is for people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from blake3 import blake3

from nascore.record import JsonValue
from nascore.weights.answers import Lineage, Page, Reference
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import TensorData


@dataclass(frozen=True, slots=True)
class Origin:
    """What became of a wanted tensor: the parent that it is from (empty: none), and how, or why not."""

    key: str
    parent: str
    reason: str


@dataclass(frozen=True, slots=True)
class Succession:
    """What a server made of earlier checkpoints: the new one (empty: nothing was inherited), and whence each tensor."""

    checkpoint: str
    origins: tuple[Origin, ...]


class WeightAccess(Protocol):
    """Checkpoints, to put and to get. Thread-safe; what is raised is the same whoever keeps the bytes."""

    def put(
        self,
        tensors: Mapping[str, TensorData],
        *,
        trial: int,
        parents: Sequence[str] = (),
        architecture: str = "",
        metrics: Mapping[str, float] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
        experiment: str = ...,
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
        digests: Mapping[str, str] | None = None,
    ) -> str:
        """Store a checkpoint durably and return its id; the same content gives the same id, and is stored once.

        Args:
            tensors: Tensors by key; their bytes stay as they are until this returns.
            trial: Number of the trial that made it.
            parents: Checkpoints that it was made from.
            architecture: Fingerprint of its architecture.
            metrics: The trial's metrics, finite.
            notes: Anything worth recording.
            experiment: Whose it is; left out, that for which the access was made.
            name: A name of the experiment that shall point to it.
            if_match: Move the name only if it has this etag.
            create_only: Only if there is no such name yet.
            request_id: The same id again does nothing.
            digests: Digests by key of tensors whose bytes have not changed since they were put, as the manifest of
                that checkpoint says; the caller answers for it. What is still stored is neither read nor sent.

        Raises:
            InvalidInputError: A key or a number is not allowed.
            NotFoundError: A parent is not known.
            ExhaustedResourceError: The disk is full, or the quota used up; nothing of the checkpoint is visible.
            MovedNameError: The name is not as ``if_match`` or ``create_only`` say.
        """
        ...

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, all or those of ``keys``, with every byte proven.

        Raises:
            NotFoundError: There is no such checkpoint, it was released, or it has no tensor of a key.
            DataLossError: Bytes are not those that were written.
        """
        ...

    def manifest(self, checkpoint: str) -> Manifest:
        """Return what a checkpoint consists of.

        Raises:
            NotFoundError: There is no such checkpoint.
        """
        ...

    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """Return checkpoints that are not released, oldest first; see `WeightStore.checkpoints`."""
        ...

    def reference(self, experiment: str, name: str) -> Reference:
        """Return where a name points.

        Raises:
            NotFoundError: There is no such name.
        """
        ...

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """Return ancestors and descendants up to ``depth`` generations away.

        Raises:
            NotFoundError: There is no such checkpoint.
        """
        ...


@runtime_checkable
class Retainer(Protocol):
    """Lets go of an experiment's checkpoints by what it knows of the experiment itself, as a server does."""

    def retain(self, experiment: str, best: int) -> int:
        """Give up all but the named, the pinned and so many of the best; return how many were given up."""
        ...


def entry_of(key: str, tensor: TensorData) -> Entry:
    """Return a tensor's entry in a manifest; all its bytes are hashed."""
    digest = blake3(blob_header(tensor.dtype, tensor.shape)).update(tensor.data).hexdigest()
    return Entry(key, tensor.dtype, tensor.shape, digest, tensor.size)
