"""A worker's view of one live table: it knows the version that it saw last, and how to begin after the server lost it.

Not here: torch, and when to push (the trial SDK).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nascore.client.live_tables import LiveTableCalls, Opened
from nascore.errors import NotFoundError, UnavailableError
from nascore.record import JsonValue
from nascore.weights.live import Applied, Rule, Share, Slot, Snapshot, Take, Terms


class LiveTable:
    """A worker's view of one table. One thread at a time uses it.

    A table is memory. When the server has lost it, `NotFoundError` says so, and `open` makes it again: from the last
    snapshot of its name, or blank if there is none.

    Args:
        calls: The calls to the server.
        experiment: Whose table.
        name: The table's name; snapshots go by the name ``live/<table>``.
        worker: Who pushes.
        slots: Its tensors.
        terms: How it is updated.

    Attributes:
        version: The version that was seen last; 0 before it was opened.
        slots: Its tensors.
    """

    def __init__(
        self, calls: LiveTableCalls, experiment: str, name: str, *, worker: str, slots: Sequence[Slot], terms: Terms
    ) -> None:
        self._calls = calls
        self._experiment = experiment
        self._name = name
        self._worker = worker
        self._terms = terms
        self.slots = tuple(slots)
        self.version = 0

    def open(self, beginning: Callable[[], Sequence[Share]]) -> None:
        """Open it, or join it; nothing is pulled yet.

        Args:
            beginning: Gives the values of all tensors, for a table that has none.

        Raises:
            ConflictError: It is open with other tensors or terms.
        """
        self.version = 0
        try:
            found = self._opened(self._calls.last_snapshot(self._experiment, self.snapshot_name))
            if found.is_blank:
                values = [Share(share.tensor, share.data, Rule.ASSIGN) for share in beginning()]
                # One id for all who find it blank: the first counts, and nobody's later work is overwritten.
                self._push(values, base_version=0, request_id="beginning")
        except NotFoundError as error:
            raise UnavailableError("The server lost the table while it was opened.", hint="Open it again.") from error

    @property
    def snapshot_name(self) -> str:
        """The name that points to its last snapshot."""
        return f"live/{self._name}"

    def push(self, shares: Sequence[Share], *, request_id: str | None = None) -> Applied:
        """Push what was computed from the version that was pulled last.

        Raises:
            NotFoundError: The server has lost the table.
        """
        return self._push(shares, base_version=self.version, request_id=request_id)

    def pull(self, take: Take, *, as_bf16: bool = False) -> int:
        """Pull what changed since the last pull, F32 as BF16 on request, and return the version.

        Raises:
            NotFoundError: The server has lost the table.
        """
        self.version = self._calls.pull(self._experiment, self._name, take, since=self.version, as_bf16=as_bf16)
        return self.version

    def snapshot(self, *, trial: int = 0, notes: Mapping[str, JsonValue] | None = None) -> Snapshot:
        """Commit it as a checkpoint, to which its name points, and with which it begins after a loss.

        With the note ``nascore.weights.live.TRANSIENT`` it is given up once there is a later one.

        Raises:
            NotFoundError: The server has lost the table.
        """
        return self._calls.snapshot(self._experiment, self._name, trial=trial, notes=notes, name=self.snapshot_name)

    def drop(self) -> None:
        """Have the server forget it, for all workers."""
        self._calls.drop(self._experiment, self._name)

    def _opened(self, checkpoint: str) -> Opened:
        return self._calls.open(
            self._experiment, self._name, slots=self.slots, terms=self._terms, checkpoint=checkpoint
        )

    def _push(self, shares: Sequence[Share], *, base_version: int, request_id: str | None) -> Applied:
        return self._calls.push(
            self._experiment,
            self._name,
            shares,
            worker=self._worker,
            base_version=base_version,
            request_id=request_id,
        )


def array_taker(arrays: Sequence[NDArray[np.generic]]) -> Take:
    """Return what writes pulled pieces into contiguous arrays, one for each tensor."""
    views = [array.reshape(-1).view(np.uint8) for array in arrays]

    def take(tensor: int, offset: int, data: memoryview) -> None:
        views[tensor][offset : offset + len(data)] = np.frombuffer(data, np.uint8)

    return take
