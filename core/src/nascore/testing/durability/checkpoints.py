"""Checkpoints under faults: what `DirectoryStore.put` has returned is whole, and nothing that is listed is not.

Run as a program it stores a few checkpoints in a folder and says ``put CHECKPOINT`` after each; the same content has
the same id, so started again it stores the rest.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from nascore.errors import NascoreError
from nascore.testing.durability.judge import Run
from nascore.testing.durability.search import GAVE_UP
from nascore.testing.durability.subjects import ANY, KILL, Subject
from nascore.weights.directory import PACKED_BELOW, DirectoryStore
from nascore.weights.tensor import TensorData

_COUNT = 3
_TRIES = 4
_FAILS = ("error=EIO", "error=ENOSPC")
_CALLS: Mapping[str, tuple[str, ...]] = {
    "write": (KILL, *_FAILS),
    "pwritev2": (KILL, *_FAILS, "retval=0"),
    "fsync": (KILL, *_FAILS),
    "rename": (KILL, "error=EIO"),
    "mkdir": (KILL, *_FAILS),
}


class CheckpointSubject(Subject):
    """The directory store; every system call on any of its files counts.

    Args:
        workplace: Unused room; the store is made anew for each fault.
    """

    def __init__(self, workplace: Path) -> None:
        self.name = "checkpoints"
        self._workplace = workplace

    def command(self, folder: Path) -> list[str]:
        """See `Subject.command`."""
        return [sys.executable, "-m", "nascore.testing.durability.checkpoints", str(folder)]

    def prepare(self, folder: Path) -> None:
        """See `Subject.prepare`."""
        folder.mkdir()

    def calls(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """See `Subject.calls`."""
        return {ANY: _CALLS}

    def judge(self, folder: Path, run: Run) -> list[str]:
        """See `Subject.judge`."""
        wrong = [] if run.status in (0, -9, GAVE_UP) else [f"it ended with status {run.status}: {run.complaint}"]
        store = DirectoryStore(folder)
        try:
            wanted = [line.split()[1] for line in run.said if line.startswith("put ")]
            wrong += [f"acknowledged, but not listed: {name}" for name in wanted if name not in store.list()]
            for name in store.list():
                store.get(name)
            put_all(folder)
            if len(store.list()) != _COUNT:
                wrong.append(f"{len(store.list())} checkpoints after going on, not {_COUNT}")
        except NascoreError as error:
            wrong.append(f"the store is not whole: {error}")
        return wrong


def put_all(folder: Path, *, on_put: Callable[[str], None] = lambda checkpoint: None) -> None:
    """Store all checkpoints; each shares a tensor with the one before."""
    store = DirectoryStore(folder)
    parents: tuple[str, ...] = ()
    for number in range(_COUNT):
        parents = (_put(store, number, parents),)
        on_put(parents[0])


def _put(store: DirectoryStore, number: int, parents: tuple[str, ...]) -> str:
    tensors = {
        "shared": _tensor(0, PACKED_BELOW),
        "own": _tensor(number + 1, PACKED_BELOW),
        "small": _tensor(number, 64),
    }
    for _ in range(_TRIES - 1):
        try:
            return store.put(tensors, trial=number, parents=parents)
        except NascoreError as error:
            if not error.is_retryable:
                raise
    return store.put(tensors, trial=number, parents=parents)


def _tensor(value: int, size: int) -> TensorData:
    return TensorData("F32", (size // 4,), struct.pack("<f", value) * (size // 4))


def _say(checkpoint: str) -> None:
    os.writev(1, [f"put {checkpoint}\n".encode()])  # Not write(2), whose calls are counted.


if __name__ == "__main__":
    try:
        put_all(Path(sys.argv[1]), on_put=_say)
    except NascoreError:
        os._exit(GAVE_UP)
