"""Exchanges with the table, one at a time, on a thread of their own: push what was learnt, pull what has changed.

An exchange that cannot reach the server goes on as the very same one, under the same request id, so that what was
learnt counts once however often it is sent. A table that the server has lost is opened again. Not here: tensors
(``state``).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from nascore.errors import ExhaustedResourceError, NotFoundError, UnavailableError
from nascore.record import JsonValue
from nascore.weights.live import TRANSIENT, Applied, Share, Snapshot, Take

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What became of what was pushed.

    Attributes:
        pushed: Updates that counted in full.
        scaled: Updates that came late and counted in part.
        dropped: Updates that came late and did not count.
        most_lag: The largest lag of one.
        lost: How often the server had lost the table.
        failed: Tries that did not reach the server.
    """

    pushed: int = 0
    scaled: int = 0
    dropped: int = 0
    most_lag: int = 0
    lost: int = 0
    failed: int = 0


class SharedTable(Protocol):
    """What is needed of a table; `nascore.client.live_table.LiveTable` is one."""

    def open(self, beginning: Callable[[], Sequence[Share]]) -> None:
        """Open it, or join it."""
        ...

    def push(self, shares: Sequence[Share], *, request_id: str | None = None) -> Applied:
        """Push what was computed from the version that was pulled last."""
        ...

    def pull(self, take: Take, *, as_bf16: bool = False) -> int:
        """Pull what changed."""
        ...

    def snapshot(self, *, trial: int = 0, notes: Mapping[str, JsonValue] | None = None) -> Snapshot:
        """Commit it as a checkpoint."""
        ...

    def drop(self) -> None:
        """Have the server forget it, for all workers."""
        ...


class Exchange:
    """Exchanges of one worker, one after the other.

    Args:
        table: The table.
        take: Keeps what is pulled.
        beginning: Gives all values, for a table that has none.
        as_bf16: Whether to pull F32 as BF16.
        away_limit_s: Seconds for which the server may be away.
        snapshot_every_s: Seconds between two snapshots of the table; ``None`` for none.
        clock: Monotonic seconds.

    Attributes:
        tally: What became of the updates.
        taken: Indices of the tensors that came since the last one began.
    """

    def __init__(
        self,
        table: SharedTable,
        *,
        take: Take,
        beginning: Callable[[], Sequence[Share]],
        as_bf16: bool,
        away_limit_s: float,
        snapshot_every_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._keep = take
        self._beginning = beginning
        self._as_bf16 = as_bf16
        self._away_limit_s = away_limit_s
        self._clock = clock
        self._away_since: float | None = None
        self._snapshot_every_s = snapshot_every_s
        self._stored_at = clock()
        self._is_unanswered = False
        self._shares: Sequence[Share] = ()
        self._request_id = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nascore-sharing")
        self._under_way: Future[None] | None = None
        self.tally = Tally()
        self.taken: set[int] = set()

    def open(self) -> None:
        """Open the table and pull all of it."""
        self._table.open(self._beginning)
        self._pull()

    def begin(self, shares: Sequence[Share]) -> None:
        """Push shares and pull on the other thread; the one before has ended."""
        self._shares, self._request_id = shares, secrets.token_hex(16)
        self.taken = set()
        self.go_on()

    def join(self) -> bool:
        """Wait for the one under way; whether it has ended, for if the server is away it has to go on.

        Raises:
            UnavailableError: The server has been away for longer than the limit.
            NascoreError: What else went wrong; it is not under way any more.
        """
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            self._is_unanswered = False
            try:
                under_way.result()
            except (UnavailableError, ExhaustedResourceError) as error:
                self._is_unanswered = True
                self._note_absence(error)
        if not self._is_unanswered:
            self._away_since = None
        return not self._is_unanswered

    def go_on(self) -> None:
        """Carry out again what the server has not answered."""
        self._under_way = self._thread.submit(self._carry_out)

    def close(self) -> None:
        """End the thread, once it has finished what is under way. Closing twice is harmless."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _carry_out(self) -> None:
        try:
            if self._shares:
                self._note(self._table.push(self._shares, request_id=self._request_id))
            self._shares = ()
            self._pull()
            self._store()
        except NotFoundError as error:
            # What this exchange gave went with the table; what was learnt since is still with the tensors.
            self.tally.lost += 1
            logger.warning("The server has lost the table; it is opened again from its last snapshot: %s", error)
            self._shares = ()
            self.open()

    def _pull(self) -> None:
        def take(tensor: int, offset: int, data: memoryview) -> None:
            self.taken.add(tensor)
            self._keep(tensor, offset, data)

        self._table.pull(take, as_bf16=self._as_bf16)

    def _store(self) -> None:
        if self._snapshot_every_s is not None and self._clock() - self._stored_at >= self._snapshot_every_s:
            self._table.snapshot(notes={TRANSIENT: True})
            self._stored_at = self._clock()

    def _note(self, applied: Applied) -> None:
        self.tally.most_lag = max(self.tally.most_lag, applied.lag)
        if applied.scale == 1.0:
            self.tally.pushed += 1
        elif applied.scale:
            self.tally.scaled += 1
            logger.info("An update was %d versions late and counted %.3f times.", applied.lag, applied.scale)
        else:
            self.tally.dropped += 1
            logger.warning("An update was %d versions late and was dropped.", applied.lag)

    def _note_absence(self, error: UnavailableError | ExhaustedResourceError) -> None:
        self.tally.failed += 1
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        if now - self._away_since > self._away_limit_s:
            raise error
        logger.warning("Training goes on alone, because the weights could not be exchanged: %s", error)
