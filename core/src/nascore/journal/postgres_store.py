"""The log in a PostgreSQL database, as the writer's thread uses it.

Not here: connections, and who holds the database (``nascore.journal.postgres_tenure``), and tables
(``nascore.journal.postgres_schema``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import LiteralString, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from nascore.errors import InternalError, NascoreError
from nascore.journal.contract import Entry, TunerSnapshot
from nascore.journal.holder import UNKNOWN, Holder
from nascore.journal.migrations import Step
from nascore.journal.postgres_connection import PATIENCE_S
from nascore.journal.postgres_errors import translated
from nascore.journal.postgres_schema import STEPS, bring_up_to_date, stored_entries, stored_experiments
from nascore.journal.postgres_tenure import EPOCH, Tenure
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.rows import SNAPSHOT_COLUMNS, event_row, snapshot_row, snapshots_of
from nascore.journal.store import KEPT_SNAPSHOTS, Store

ResultT = TypeVar("ResultT")

_TAKE_OVER = "UPDATE nascore_writer SET epoch = epoch + 1 RETURNING epoch"
_NEW_EXPERIMENT = """
INSERT INTO nascore_experiments VALUES (%s, (SELECT coalesce(max(place), 0) + 1 FROM nascore_experiments))
"""
_EVENTS = """
INSERT INTO nascore_events SELECT * FROM unnest(
    %s::text[], %s::bigint[], %s::text[], %s::text[], %s::double precision[], %s::double precision[], %s::bigint[])
"""
_DELETED = """
INSERT INTO nascore_deletions VALUES (%s, %s) ON CONFLICT (request_id) DO UPDATE SET experiment = excluded.experiment
"""
_SAVE_SNAPSHOT = """
INSERT INTO nascore_snapshots
VALUES (%(experiment)s,
    (SELECT coalesce(max(place), 0) + 1 FROM nascore_snapshots WHERE experiment = %(experiment)s),
    %(asked)s, %(told_through)s, %(state)s, %(checksum)s)
"""
_KEEP_NEWEST = """
DELETE FROM nascore_snapshots
WHERE experiment = %s AND place <= (SELECT max(place) FROM nascore_snapshots WHERE experiment = %s) - %s
"""
_SNAPSHOTS = f"SELECT {SNAPSHOT_COLUMNS} FROM nascore_snapshots WHERE experiment = %s ORDER BY place DESC"  # noqa: S608 - no input in it


class PostgresStore(Store):
    """One PostgreSQL database, or one schema of it.

    Args:
        url: Where it is.
        holder: Who we are, for others to read.
        patience_s: How long one statement may take.
        steps: How its tables came to be.

    Raises:
        HeldError: Another process holds it; it is named.
        StateError: It was made by a newer nascore.
        UnavailableError: It cannot be reached.
        PermissionDeniedError: This user may not.
    """

    def __init__(
        self, url: PostgresUrl, *, holder: Holder, patience_s: float = PATIENCE_S, steps: Sequence[Step] = STEPS
    ) -> None:
        super().__init__(str(url))
        self._url = url
        self._holder = holder
        self._tenure = Tenure(url, holder=holder, patience_s=patience_s, steps=steps)
        connection = self._tenure.connection
        try:
            bring_up_to_date(connection, url, steps=steps)
        except Exception as error:
            self._tenure.lose()
            if isinstance(error, NascoreError):
                raise
            raise self.understood(error) from error

    def take_over(self) -> None:
        """See `Store.take_over`."""
        taken = [0]

        def take() -> None:
            taken[0] = self._one(_TAKE_OVER)

        self.transact(take, step="take_over")
        self._epoch = self._tenure.epoch = taken[0]
        self.publish(self._holder)

    def publish(self, holder: Holder) -> None:
        """Tell others who holds the database."""
        self._asked(lambda: self._tenure.publish(holder))

    def last_seq(self, experiment: str) -> int:
        """See `Store.last_seq`."""
        query = "SELECT coalesce(max(seq), 0) FROM nascore_events WHERE experiment = %s"
        return self._asked(lambda: self._one(query, experiment))

    def write(self, appends: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """See `Store.write`."""
        self.transact(lambda: self._insert(appends))

    def entries(self, experiment: str, *, after_seq: int, count: int | None) -> list[Entry]:
        """See `Store.entries`."""
        return self._asked(
            lambda: stored_entries(self._tenure.connection, experiment, after_seq=after_seq, count=count)
        )

    def experiments(self) -> tuple[str, ...]:
        """See `Store.experiments`."""
        return self._asked(lambda: stored_experiments(self._tenure.connection))

    def delete(self, experiment: str, *, request_id: str) -> None:
        """See `Store.delete`."""

        def delete() -> None:
            connection = self._tenure.connection
            connection.execute(_DELETED, (request_id, experiment))
            for statement in (
                "DELETE FROM nascore_snapshots WHERE experiment = %s",
                "DELETE FROM nascore_events WHERE experiment = %s",
                "DELETE FROM nascore_experiments WHERE id = %s",
            ):
                connection.execute(statement, (experiment,))

        self.transact(delete, step="delete")

    def deletions(self) -> Mapping[str, str]:
        """See `Store.deletions`."""
        query = "SELECT request_id, experiment FROM nascore_deletions"
        return self._asked(lambda: dict(self._tenure.connection.execute(query).fetchall()))

    def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """See `Store.save_snapshot`."""
        asked, told_through, state, checksum = snapshot_row(snapshot)
        values = {"asked": asked, "told_through": told_through, "state": state, "checksum": checksum}

        def save() -> None:
            connection = self._tenure.connection
            connection.execute(_SAVE_SNAPSHOT, {"experiment": experiment, **values})
            connection.execute(_KEEP_NEWEST, (experiment, experiment, KEPT_SNAPSHOTS))

        self.transact(save, step="snapshot")

    def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """See `Store.snapshots`."""
        rows = self._asked(lambda: self._tenure.connection.execute(_SNAPSHOTS, (experiment,)).fetchall())
        return snapshots_of(rows, experiment=experiment)

    def close(self) -> None:
        """See `Store.close`."""
        if self._tenure.is_connected and self._epoch is not None:
            with suppress(NascoreError):  # The lock goes with the connection anyhow.
                self.publish(UNKNOWN)
        self._tenure.end()

    def _insert(self, appends: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        connection = self._tenure.connection
        for experiment, entries in appends:
            if entries[0].seq == 1:
                connection.execute(_NEW_EXPERIMENT, (experiment,))
        rows = [(experiment, *event_row(entry)) for experiment, entries in appends for entry in entries]
        connection.execute(_EVENTS, [list(column) for column in zip(*rows, strict=True)])

    def _begin(self) -> int:
        cursor = self._tenure.connection.execute(f"BEGIN; {EPOCH} FOR UPDATE")
        cursor.nextset()  # One journey for both.
        row = cursor.fetchone()
        return -1 if row is None else int(row[0])

    def _commit(self) -> None:
        done = self._tenure.connection.execute("COMMIT").statusmessage
        if done != "COMMIT":  # PostgreSQL answers so, without an error, where a transaction had failed before.
            raise InternalError(f"Database {self.name}: the transaction was not committed ({done}).")

    def _undo(self, error: Exception) -> None:
        if not self._tenure.is_connected:
            return
        connection = self._tenure.connection
        with suppress(psycopg.Error):
            if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        if connection.closed:
            self._tenure.lose()

    def _translated(self, error: Exception) -> NascoreError | None:
        return translated(error, self._url) if isinstance(error, psycopg.Error) else None

    def _asked(self, ask: Callable[[], ResultT]) -> ResultT:
        """Ask the database outside of a transaction."""
        try:
            return ask()
        except psycopg.Error as error:
            self._undo(error)
            raise translated(error, self._url) from error

    def _one(self, query: LiteralString, *values: str) -> int:
        row = self._tenure.connection.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])
