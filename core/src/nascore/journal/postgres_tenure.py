"""The time for which this process holds a database in PostgreSQL, through any number of connections.

A connection that is lost is made anew at the next call. Before the new one writes or reads anything it takes the lock,
so whatever the old one had begun is over, and it looks at the fencing number: if another process was here meanwhile,
this one never comes back. Not here: what is written (``nascore.journal.postgres_store``), and the lock itself
(``nascore.journal.postgres_lock``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

import psycopg

from nascore.errors import HeldError, NascoreError, UnavailableError
from nascore.journal.holder import UNKNOWN, Holder, held
from nascore.journal.migrations import Step, refuse_newer
from nascore.journal.postgres_connection import Connection
from nascore.journal.postgres_errors import translated
from nascore.journal.postgres_lock import Backend, Session, begin_session, give_lock_back, holder_in, take_lock
from nascore.journal.postgres_schema import stored_version
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.store import refuse_if_taken_over

_REST_S = 0.5  # After a connection that failed, calls fail at once for so long: those that wait are many.

EPOCH = "SELECT epoch FROM nascore_writer"
_PUBLISH = """
UPDATE nascore_writer
SET backend = %s, pid = %s, host = %s, address = %s, token_file = %s, started_at = %s WHERE epoch = %s
"""


class Tenure:
    """Holds a database; used by one thread.

    Args:
        url: Where it is.
        holder: Who we are, for others to read.
        patience_s: How long one statement may take.
        steps: How its tables came to be.

    Attributes:
        epoch: Our fencing number; ``None`` until the database is taken over.
    """

    def __init__(self, url: PostgresUrl, *, holder: Holder, patience_s: float, steps: Sequence[Step]) -> None:
        self.epoch: int | None = None
        self._url = url
        self._holder = holder
        self._patience_s = patience_s
        self._steps = steps
        self._session: Session | None = None
        self._former: Backend | None = None
        self._passed_over: HeldError | None = None
        self._away: tuple[float, NascoreError] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._session is not None

    @property
    def connection(self) -> Connection:
        """The connection, which holds the lock; made anew if it was lost.

        Raises:
            HeldError: Another process holds the database, or held it meanwhile; it is named.
            StateError: The tables were made by a newer nascore.
            UnavailableError: It cannot be reached, or a connection that was lost is not over yet.
            PermissionDeniedError: This user may not.
        """
        if self._session is None:
            self._session = self._begun()
        return self._session.connection

    def publish(self, holder: Holder) -> None:
        """Tell others who we are.

        Raises:
            psycopg.Error: It did not succeed.
        """
        self._holder = holder
        self.connection.execute(_PUBLISH, self._row(self._session))

    def lose(self) -> None:
        """Close the connection; the next call makes a new one."""
        session, self._session = self._session, None
        if session is not None:
            self._former = session.backend
            session.connection.close()

    def end(self) -> None:
        """Let the database go for good, so that the next server finds it free at once."""
        if self._session is not None:
            with suppress(psycopg.Error):  # The lock goes with the connection anyhow.
                give_lock_back(self._session)
        self.lose()

    def _begun(self) -> Session:
        if self._passed_over is not None:
            raise self._passed_over
        if self._away is not None and time.monotonic() < self._away[0]:
            raise self._away[1]
        try:
            session = self._locked()
        except UnavailableError as error:
            self._away = (time.monotonic() + _REST_S, error)
            raise
        except psycopg.Error as error:
            failure = translated(error, self._url)
            self._away = (time.monotonic() + _REST_S, failure)
            raise failure from error
        self._away = None
        return session

    def _locked(self) -> Session:
        session = begin_session(self._url, patience_s=self._patience_s, is_writer=True)
        try:
            refuse_newer(stored_version(session.connection), steps=self._steps, name=str(self._url))
            is_locked = take_lock(session, former=self._former)
            if self.epoch is None:
                self._refuse_if_held(session, is_locked=is_locked)
            else:
                self._refuse_if_another_came(session)
                self._refuse_if_former_lives(is_locked=is_locked)
                session.connection.execute(_PUBLISH, self._row(session))
        except BaseException:
            session.connection.close()
            raise
        return session

    def _refuse_if_held(self, session: Session, *, is_locked: bool) -> None:
        if not is_locked:
            raise held(self._url, holder_in(session) or UNKNOWN)

    def _refuse_if_another_came(self, session: Session) -> None:
        row = session.connection.execute(EPOCH).fetchone()
        try:
            refuse_if_taken_over(-1 if row is None else row[0], own=self.epoch, name=str(self._url))
        except HeldError as error:
            self._passed_over = error
            raise

    def _refuse_if_former_lives(self, *, is_locked: bool) -> None:
        if not is_locked:
            raise UnavailableError(
                f"Database {self._url}: the connection was lost, and the server has not ended it yet.",
                hint="It goes on by itself once that is over.",
            )

    def _row(self, session: Session | None) -> tuple[object, ...]:
        assert session is not None
        who = self._holder
        return (session.backend.pid, who.pid, who.host, who.address, who.token_file, who.started_at, self.epoch)
