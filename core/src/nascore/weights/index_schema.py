"""The index of a store's folder: a SQLite file, its tables, and how it is opened.

It only says quickly what log, manifests and headers say as well. Not here: what changes it (``index_changes``), making
it from the files (``rebuilding``). WAL with ``synchronous=FULL``: https://www.sqlite.org/pragma.html.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nascore.sqlite import Wording

SCHEMA_VERSION = 4
APPLICATION_ID = 0x6E617377  # "nasw"
LIVE, DYING = 1, 2
_TIMEOUT_S = 30.0
# The last one: pages of the write-ahead log from which it is written back, under 1 MiB, which a full disk must hold.
_PRAGMAS = ("synchronous=FULL", "temp_store=MEMORY", "cache_size=-16000", "wal_autocheckpoint=200")
_MODE = "journal_mode=WAL"

TABLES = (
    "CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), log TEXT, log_offset INTEGER, seq INTEGER)",
    "CREATE TABLE experiments (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, quota INTEGER, "
    "used INTEGER NOT NULL DEFAULT 0)",
    # pack: empty for a file of its own. data_offset: where the data begin in the file. size: of the data.
    # refs: how many checkpoints that are not released name it.
    "CREATE TABLE blobs (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, dtype TEXT NOT NULL, "
    "shape TEXT NOT NULL, size INTEGER NOT NULL, pack TEXT NOT NULL, data_offset INTEGER NOT NULL, "
    "state INTEGER NOT NULL, refs INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX blobs_unnamed ON blobs (pack) WHERE refs = 0",
    "CREATE INDEX blobs_of_pack ON blobs (pack) WHERE pack != ''",
    # place: in object storage, what is in the name of the manifest's object.
    "CREATE TABLE checkpoints (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, trial INTEGER NOT NULL, "
    "size INTEGER NOT NULL, holders INTEGER NOT NULL DEFAULT 0, is_pinned INTEGER NOT NULL DEFAULT 0, "
    "place TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX checkpoints_released ON checkpoints (id) WHERE holders = 0",
    "CREATE TABLE members (experiment INTEGER NOT NULL, checkpoint INTEGER NOT NULL, seq INTEGER NOT NULL UNIQUE, "
    "at INTEGER NOT NULL, PRIMARY KEY (experiment, checkpoint)) WITHOUT ROWID",
    "CREATE INDEX members_of_checkpoint ON members (checkpoint)",
    # Who has given up what, while the checkpoint is known: whoever asks for it again, its answer lost, has it done.
    "CREATE TABLE released (checkpoint INTEGER NOT NULL, experiment INTEGER NOT NULL, "
    "PRIMARY KEY (checkpoint, experiment)) WITHOUT ROWID",
    "CREATE TABLE checkpoint_blobs (checkpoint INTEGER NOT NULL, blob INTEGER NOT NULL, "
    "PRIMARY KEY (checkpoint, blob)) WITHOUT ROWID",
    "CREATE TABLE holdings (experiment INTEGER NOT NULL, blob INTEGER NOT NULL, count INTEGER NOT NULL, "
    "PRIMARY KEY (experiment, blob)) WITHOUT ROWID",
    "CREATE TABLE metrics (checkpoint INTEGER NOT NULL, metric TEXT NOT NULL, value REAL NOT NULL, "
    "PRIMARY KEY (checkpoint, metric)) WITHOUT ROWID",
    "CREATE TABLE parents (child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (child, parent)) WITHOUT ROWID",
    "CREATE INDEX children ON parents (parent)",
    "CREATE TABLE names (experiment INTEGER NOT NULL, name TEXT NOT NULL, checkpoint INTEGER NOT NULL, "
    "etag TEXT NOT NULL, PRIMARY KEY (experiment, name)) WITHOUT ROWID",
    "CREATE INDEX names_of_checkpoint ON names (checkpoint)",
    "CREATE TABLE requests (experiment INTEGER NOT NULL, request TEXT NOT NULL, content TEXT NOT NULL, "
    "checkpoint TEXT NOT NULL, etag TEXT NOT NULL, PRIMARY KEY (experiment, request)) WITHOUT ROWID",
)

_MEND = "Nothing is lost: `nascore weights reindex`, or rebuild() in Python, makes the index anew."
_WORDING = Wording("Index", full="Make room and try again.", damaged=_MEND, foreign=_MEND, is_schema_certain=True)
understood = _WORDING.understood
"""Turns SQLite's errors into ours; others pass."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the index in a file, made if there is none, with the store's lock held; ``None`` for one in memory.

    The connection may be used by any thread, one at a time.
    """
    return _prepared(":memory:" if path is None else str(path), (_MODE, *_PRAGMAS))


def connect_made(path: Path) -> sqlite3.Connection | None:
    """Open the index in a file as it is, for who does not hold the store's lock; ``None`` if it cannot be opened.

    Two that turn a new file to WAL stumble over each other: SQLite refuses one of them at once, whatever the timeout.
    Whether there is a file is not asked: it may come or go meanwhile, and whoever holds the lock learns what is wrong.
    """
    try:
        return _prepared(f"{path.absolute().as_uri()}?mode=rw", _PRAGMAS)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            return None
        raise


def _prepared(place: str, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        place, isolation_level=None, timeout=_TIMEOUT_S, check_same_thread=False, uri=place.startswith("file:")
    )
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 if there are none."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def create(connection: sqlite3.Connection) -> None:
    """Make all tables, within the caller's transaction."""
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES (1, '', 0, 0)")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def drop(connection: sqlite3.Connection) -> None:
    """Remove all tables, whatever version they have, within the caller's transaction."""
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f'DROP TABLE "{name}"')
