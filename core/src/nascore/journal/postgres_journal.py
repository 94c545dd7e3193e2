"""The log in PostgreSQL, for those who have one: by URL, on any machine.

The only room that imports psycopg, together with its neighbours ``postgres_*``; imported when a URL is opened. Not
here: what the engine calls (``nascore.journal.stored_journal``), the database (``nascore.journal.postgres_store``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from nascore.journal.holder import Hold, Holder
from nascore.journal.migrations import Step
from nascore.journal.postgres_connection import PATIENCE_S
from nascore.journal.postgres_schema import STEPS
from nascore.journal.postgres_store import PostgresStore
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.stored_journal import StoredJournal
from nascore.journal.writer import Writer


class PostgresJournal(StoredJournal):
    """The log in a PostgreSQL database; made by `open`."""

    @classmethod
    async def open(
        cls, url: PostgresUrl, *, holder: Holder, patience_s: float = PATIENCE_S, steps: Sequence[Step] = STEPS
    ) -> Self:
        """Lock the database and open the log, making its tables if there are none.

        Args:
            url: Where the database is.
            holder: Who we are, for others to read.
            patience_s: How long one statement may take.
            steps: How the tables came to be.

        Raises:
            HeldError: Another process holds it; it is named.
            StateError: It was made by a newer nascore.
            UnavailableError: It cannot be reached.
            PermissionDeniedError: This user may not.
        """
        return await cls._begun(lambda: PostgresStore(url, holder=holder, patience_s=patience_s, steps=steps))

    def hold(self, holder: Holder) -> PostgresHold:
        """Return the hold on the database that opening it gave."""
        return PostgresHold(self._writer, holder)


class PostgresHold(Hold):
    """A log in PostgreSQL that this process holds, as long as its journal is open."""

    def __init__(self, writer: Writer, holder: Holder) -> None:
        super().__init__(holder)
        self._writer = writer

    def release(self) -> None:
        """Do nothing: closing the journal lets go, for the lock is its connection's."""

    def _publish(self) -> None:
        store, holder = self._writer.store, self.holder
        assert isinstance(store, PostgresStore)
        self._writer.post(lambda: store.publish(holder))
