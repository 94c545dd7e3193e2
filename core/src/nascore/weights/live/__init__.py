"""Live tables: weights that several workers update and read while they train, in the memory of a server."""

from nascore.weights.live.arithmetic import from_bf16, to_bf16
from nascore.weights.live.memory import Memory, half_of_memory
from nascore.weights.live.reading import Chunk, Reading
from nascore.weights.live.share import Share, Take
from nascore.weights.live.slots import Slot
from nascore.weights.live.snapshot import TRANSIENT, Snapshot, SnapshotStore, take_snapshot
from nascore.weights.live.table import Applied, Table
from nascore.weights.live.tables import Tables, new_update
from nascore.weights.live.terms import Late, Rule, Terms
from nascore.weights.live.update import MAX_PIECE, Update

__all__ = [
    "MAX_PIECE",
    "TRANSIENT",
    "Applied",
    "Chunk",
    "Late",
    "Memory",
    "Reading",
    "Rule",
    "Share",
    "Slot",
    "Snapshot",
    "SnapshotStore",
    "Table",
    "Tables",
    "Take",
    "Terms",
    "Update",
    "from_bf16",
    "half_of_memory",
    "new_update",
    "take_snapshot",
    "to_bf16",
]
