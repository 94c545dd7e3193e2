"""Watchers of a soak: clients that watch the search for a while, read, leave in the middle, and come again."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from nascore.errors import NascoreError
from nascore.testing.torture.served import ServedSearch

_LONGEST = 400
_PAUSE_S = 0.2


class Watchers:
    """So many watchers, each in a thread; a context manager that ends them.

    Attributes:
        visits: How often one came.

    Args:
        search: What is watched.
        count: How many there are at a time.
        rng: Decides how long each stays.
    """

    def __init__(self, search: ServedSearch, count: int, *, rng: random.Random) -> None:
        self.visits = 0
        self._search, self._rng = search, rng
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._come_and_go, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come_and_go(self) -> None:
        while not self._over.wait(_PAUSE_S):
            self.visits += 1
            with suppress(NascoreError):  # The server stops in the end; that it serves is seen elsewhere.
                self._visit(self._rng.randrange(_LONGEST))

    def _visit(self, changes: int) -> None:
        with self._search.admin() as client:
            record = client.get(self._search.experiment)
            client.best(record.id, 5)
            # From a little before now: the past of a long search alone would take all the time.
            for _, change in zip(
                range(changes), client.watch(record.id, after_seq=max(0, record.seq - 50)), strict=False
            ):
                if self._over.is_set() or change is None:
                    return
