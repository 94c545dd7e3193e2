"""Making a checkpoint visible: all its bytes are durable first, then one transaction names them.

Whatever dies before that leaves bytes that nobody names; a collection removes them. Not here: where the bytes are
(``placing``, ``objects``), uploads (``staging``), what the record does to the index (``index_changes``).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from blake3 import blake3

from nascore.errors import ConflictError, ExhaustedResourceError, InvalidInputError, NotFoundError, UnavailableError
from nascore.weights.answers import Committed, MissingBlobsError, MovedNameError
from nascore.weights.blob_rows import BlobRow, live_kinds, put_rows
from nascore.weights.catalogue import check_name, found_reference, is_held, usage_of
from nascore.weights.index import Change, Index
from nascore.weights.manifest import Entry, Manifest, checkpoint_of, remember_manifest
from nascore.weights.record_log import Record, Verb
from nascore.weights.tensor import TensorData


class Placement(Protocol):
    """The blobs that come with a commit, durable already; nobody knows of them until it is logged."""

    @property
    def rows(self) -> Mapping[str, BlobRow]:
        """Where they will be, by digest."""
        ...

    def settle(self, change: Change, new: Collection[BlobRow]) -> None:
        """Put those of them in place that are new; called within the transaction, after its record was applied."""
        ...

    def words(self, new: Collection[BlobRow]) -> Mapping[str, Any]:
        """Return the fields of the record that say where they are."""
        ...


class Places(Protocol):
    """Where a store keeps the bytes of its checkpoints."""

    def placed(
        self, checkpoint: str, content: bytes, *, entries: Mapping[str, Entry], tensors: Mapping[str, TensorData]
    ) -> AbstractContextManager[Placement]:
        """Make a manifest and those blobs durable that are not stored yet; what is not needed then goes at the end.

        Args:
            checkpoint: The id of the manifest.
            content: Its bytes.
            entries: Its tensors by digest.
            tensors: Bytes of tensors by digest; those that are neither here nor stored must have been uploaded.

        Raises:
            ExhaustedResourceError: There is no room.
        """
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What `WeightStore.commit` was asked for, checked, and the bytes of its manifest (``content``)."""

    manifest: Manifest
    experiment: str
    name: str = ""
    if_match: str = ""
    create_only: bool = False
    request_id: str = ""
    content: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", self.manifest.to_bytes())  # Refuses numbers that are none.
        check_name(self.experiment, what="an experiment")
        for text, what in ((self.name, "a name"), (self.request_id, "a request id")):
            if text:
                check_name(text, what=what)
        if not self.name and (self.if_match or self.create_only):
            raise InvalidInputError("if_match and create_only say how a name may move, but no name is given.")

    def record(self, checkpoint: str, places: Mapping[str, Any]) -> Record:
        """Return what is logged."""
        words = self.words(checkpoint) if self.request_id else ""
        return Record(
            Verb.COMMIT,
            experiment=self.experiment,
            checkpoints=(checkpoint,),
            name=self.name,
            request=self.request_id,
            content=words,
            at=int(time.time()),
            **places,
        )

    def words(self, checkpoint: str) -> str:
        """Return what tells this request from others with its id."""
        text = "\0".join((checkpoint, self.name, self.if_match, str(self.create_only)))
        return blake3(text.encode()).hexdigest()[:32]


class Committer:
    """Commits of a store."""

    def __init__(self, index: Index, places: Places) -> None:
        self._index = index
        self._places = places

    def commit(self, request: Request, *, tensors: Mapping[str, TensorData]) -> Committed:
        """Commit; blobs that are neither stored nor uploaded are taken from ``tensors``, by digest."""
        checkpoint = checkpoint_of(request.content)
        entries = {entry.digest: entry for entry in request.manifest.entries}
        try:
            with self._places.placed(checkpoint, request.content, entries=entries, tensors=tensors) as placement:
                committed = self._index.transact(lambda change: _decide(change, request, checkpoint, placement))
        except FileNotFoundError as fault:
            raise UnavailableError(
                f"Checkpoint {checkpoint}: another commit took an upload, or it was removed, meanwhile: {fault}.",
                hint="Try again.",
            ) from fault
        remember_manifest(checkpoint, request.manifest)
        return committed


def _decide(change: Change, request: Request, checkpoint: str, placement: Placement) -> Committed:
    connection = change.connection
    if (answer := _answered(connection, request, checkpoint)) is not None:
        return answer
    _check_move(connection, request)
    _check_parents(connection, request.manifest)
    new = _new_rows(connection, request.manifest, placement)
    if _changes(connection, request, checkpoint, new=new):
        before = usage_of(connection, request.experiment)
        put_rows(connection, new)
        change.do(request.record(checkpoint, placement.words(new)), request.manifest)
        _check_quota(connection, request.experiment, used_before=before.used)
        placement.settle(change, new)
    if not request.name:
        return Committed(checkpoint)
    reference = found_reference(connection, request.experiment, request.name)
    return Committed(checkpoint, reference.etag if reference else "")


def _answered(connection: sqlite3.Connection, request: Request, checkpoint: str) -> Committed | None:
    if not request.request_id:
        return None
    query = (
        "SELECT content, checkpoint, etag FROM requests JOIN experiments ON experiment = experiments.id "
        "WHERE experiments.name = ? AND request = ?"
    )
    row = connection.execute(query, (request.experiment, request.request_id)).fetchone()
    if row is None:
        return None
    if row[0] != request.words(checkpoint):
        raise ConflictError(
            f"Request {request.request_id!r} of {request.experiment} has already committed checkpoint {row[1]}, "
            f"with other words than these for {checkpoint}.",
            hint="Give each request an id of its own.",
        )
    return Committed(row[1], row[2])


def _check_move(connection: sqlite3.Connection, request: Request) -> None:
    if not request.name:
        return
    found = found_reference(connection, request.experiment, request.name)
    name = f"{request.experiment}/{request.name}"
    if request.create_only and found is not None:
        raise MovedNameError(f"{name} is there already, as checkpoint {found.checkpoint}.", etag=found.etag)
    if request.if_match and (found is None or found.etag != request.if_match):
        where = f"has etag {found.etag!r}" if found else "is not there"
        raise MovedNameError(
            f"{name} {where}, not {request.if_match!r}.",
            etag=found.etag if found else "",
            hint="Look at what it points to now, and decide anew.",
        )


def _check_parents(connection: sqlite3.Connection, manifest: Manifest) -> None:
    for parent in manifest.parents:
        if connection.execute("SELECT 1 FROM checkpoints WHERE name = ?", (parent,)).fetchone() is None:
            raise NotFoundError(f"There is no checkpoint {parent}, which is named as a parent.")


def _new_rows(connection: sqlite3.Connection, manifest: Manifest, placement: Placement) -> list[BlobRow]:
    """Return the rows to add; the index may have changed since the files were made."""
    entries = {entry.digest: entry for entry in manifest.entries}
    live = live_kinds(connection, entries)
    if missing := sorted(entries.keys() - live.keys() - placement.rows.keys()):
        raise MissingBlobsError(missing)
    for entry in manifest.entries:
        dtype, shape = live.get(entry.digest) or placement.rows[entry.digest].kind
        if (dtype, shape) != (entry.dtype, entry.shape):
            raise InvalidInputError(
                f"Tensor {entry.key!r}: {entry.dtype} of shape {list(entry.shape)} is named, but blob {entry.digest} "
                f"is {dtype} of shape {list(shape)}."
            )
    return [row for digest, row in placement.rows.items() if digest not in live]


def _changes(connection: sqlite3.Connection, request: Request, checkpoint: str, *, new: list[BlobRow]) -> bool:
    """Whether anything would be otherwise afterwards."""
    if new or request.request_id or not is_held(connection, checkpoint, request.experiment):
        return True
    found = found_reference(connection, request.experiment, request.name) if request.name else None
    return bool(request.name) and (found is None or found.checkpoint != checkpoint)


def _check_quota(connection: sqlite3.Connection, experiment: str, *, used_before: int) -> None:
    usage = usage_of(connection, experiment)
    if usage.quota is not None and usage.used > max(usage.quota, used_before):
        raise ExhaustedResourceError(
            f"Experiment {experiment} would reference {usage.used:,} bytes; its quota is {usage.quota:,}.",
            hint="Release checkpoints, or raise the quota.",
        )
