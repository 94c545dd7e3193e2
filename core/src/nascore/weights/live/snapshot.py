"""A live table as a checkpoint: all tensors of one moment, while pushes go on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from nascore.errors import NotFoundError, StateError
from nascore.record import JsonValue
from nascore.weights.access import WeightAccess
from nascore.weights.live.table import Table

TRANSIENT = "transient"
"""The note of a snapshot that is only there to begin with after a loss, and is given up once there is a later one."""


class SnapshotStore(WeightAccess, Protocol):
    """A store that can give checkpoints up."""

    def release(self, checkpoint: str, *, experiment: str = "") -> None:
        """See `WeightStore.release`."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint of a table, and the version that it shows."""

    checkpoint: str
    version: int


def take_snapshot(
    table: Table,
    store: SnapshotStore,
    *,
    trial: int,
    notes: Mapping[str, JsonValue] | None = None,
    name: str = "",
) -> Snapshot:
    """Store a table as it is now; its notes say which table and version it is.

    The request ids of a store are of no use here, because the same request later would be of another version.

    Args:
        table: Which one.
        store: Where to.
        trial: Number of the trial that it belongs to.
        notes: What else to note, see ``TRANSIENT``.
        name: A name of the table's experiment that shall point to it; a transient one to which it pointed is given up.

    Raises:
        NotFoundError: The table was dropped.
        ExhaustedResourceError: The store has no room.
    """
    before = _transient(table, store, name) if name else ""
    with table.read(is_firm=True) as reading:
        own: dict[str, JsonValue] = {"table": table.key[1], "version": str(reading.version)}
        checkpoint = store.put(
            reading.values(),
            trial=trial,
            parents=(table.checkpoint,) if table.checkpoint else (),
            notes={**(notes or {}), **own},
            experiment=table.key[0],
            name=name,
        )
    if before and before != checkpoint:
        with suppress(NotFoundError, StateError):  # Gone, pinned, or named by somebody since.
            store.release(before, experiment=table.key[0])
    return Snapshot(checkpoint, reading.version)


def _transient(table: Table, store: SnapshotStore, name: str) -> str:
    """Return the transient snapshot to which a name points; empty if there is none."""
    with suppress(NotFoundError):
        checkpoint = store.reference(table.key[0], name).checkpoint
        if store.manifest(checkpoint).notes.get(TRANSIENT) is True:
            return checkpoint
    return ""
