"""The index of a store in object storage: a cache on this machine, which learns what others did before each answer."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nascore.errors import NascoreError
from nascore.weights.durable import make_folders
from nascore.weights.index import AnswerT, Change, Index
from nascore.weights.layout import Layout
from nascore.weights.memory_index import is_of_writing
from nascore.weights.objects.history import ObjectHistory, OvertakenError

_TRIES = 64


class CachedIndex(Index):
    """The index in ``layout`` of what ``history`` says.

    Reading asks the storage once whether there is anything new.
    """

    def __init__(self, layout: Layout, history: ObjectHistory) -> None:
        super().__init__(layout, history)
        self._objects = history
        self._proven_by = 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the index as it is now; made in memory where nothing can be written."""
        with super().reading() if self._has_learnt() else self._memory.reading() as connection:
            yield connection

    def _has_learnt(self) -> bool:
        """Do what others did, and return whether that could be written."""
        try:
            self._prove()
            with super().reading() as connection:
                (seq,) = connection.execute("SELECT seq FROM meta").fetchone()
            if self._objects.has(seq + 1):
                with super().writing():
                    pass  # It begins with what others did.
        except (NascoreError, OSError) as error:
            if not is_of_writing(error):
                raise
            return False
        return True

    @contextmanager
    def writing(self) -> Iterator[Change]:
        """Give a transaction; see `Index.writing`.

        Raises:
            OvertakenError: Another writer's record came first; nothing was done.
        """
        self._prove()
        with super().writing() as change:
            yield change

    def transact(self, work: Callable[[Change], AnswerT]) -> AnswerT:
        """Return what ``work`` makes of a transaction; it is called again when another writer was faster.

        Raises:
            UnavailableError: Others were faster again and again.
        """
        for _ in range(_TRIES - 1):
            try:
                return super().transact(work)
            except OvertakenError:
                continue
        return super().transact(work)

    def _prove(self) -> None:
        """See once in each process that the cache is one of this very log, and make it anew if it is not."""
        if self._proven_by == os.getpid():
            return
        make_folders([self._layout.folder])
        with super().reading() as connection:
            (known,) = connection.execute("SELECT log FROM meta").fetchone()
        if known and known != self._objects.identity():
            self.rebuild()
        self._proven_by = os.getpid()
