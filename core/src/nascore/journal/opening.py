"""Opening a log wherever it is: for writing, for reading, and finding out who holds it.

Not here: the databases themselves. The rooms of PostgreSQL are imported only where a URL is opened, for psycopg is an
extra.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.errors import PluginError
from nascore.journal.contract import Journal
from nascore.journal.file_lock import acquire, read_file_holder
from nascore.journal.holder import Hold, Holder
from nascore.journal.location import Location
from nascore.journal.log_reader import LogReader
from nascore.journal.sqlite_journal import SqliteJournal
from nascore.journal.sqlite_reading import reading_sqlite


async def open_journal(database: Location, *, holder: Holder) -> tuple[Journal, Hold]:
    """Take a database for this process and open its log, making it if there is none.

    The hold is released after the journal is closed.

    Args:
        database: Where it is.
        holder: Who we are, for others to read.

    Raises:
        HeldError: Another process holds it; it is named.
        StateError: It was made by a newer nascore or another program.
        DataLossError: It is damaged.
        PermissionDeniedError: It cannot be written to.
        UnavailableError: Its server cannot be reached.
        PluginError: It is in PostgreSQL, and psycopg is not installed.
    """
    if not isinstance(database, Path):
        with _needing_psycopg():
            from nascore.journal.postgres_journal import PostgresJournal  # noqa: PLC0415 - an extra

        opened = await PostgresJournal.open(database, holder=holder)
        return opened, opened.hold(holder)
    hold = acquire(database, holder)
    try:
        return await SqliteJournal.open(database), hold
    except BaseException:
        hold.release()
        raise


@contextmanager
def reading(database: Location) -> Iterator[LogReader]:
    """Read a log as of one moment, without holding it: beside a live server, or long after it is gone.

    Raises:
        StateError: It was made by a newer nascore or another program.
        DataLossError: It is damaged.
        NascoreError: It cannot be reached.
    """
    if isinstance(database, Path):
        with reading_sqlite(database) as reader:
            yield reader
        return
    with _needing_psycopg():
        from nascore.journal.postgres_reading import reading_postgres  # noqa: PLC0415 - an extra

    with reading_postgres(database) as reader:
        yield reader


def read_holder(database: Location) -> Holder | None:
    """Return who holds a database; ``None`` unless it is really locked.

    Raises:
        NascoreError: A server of PostgreSQL cannot be asked.
    """
    if isinstance(database, Path):
        return read_file_holder(database)
    with _needing_psycopg():
        from nascore.journal.postgres_reading import read_postgres_holder  # noqa: PLC0415 - an extra

    return read_postgres_holder(database)


@contextmanager
def _needing_psycopg() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise PluginError(
            f"A database in PostgreSQL needs psycopg, which cannot be imported: {error}.",
            hint="Install it with `pip install 'nascore[postgres]'`.",
        ) from error
