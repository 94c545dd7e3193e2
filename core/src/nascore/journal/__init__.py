"""The log of experiments: durable, totally ordered entries in a database that one process holds at a time.

Not here: what the entries mean (``nascore.experiment``).
"""

from nascore.journal.contract import Entry, Journal, TunerSnapshot
from nascore.journal.file_lock import acquire
from nascore.journal.holder import Hold, Holder
from nascore.journal.location import Location, parse_location
from nascore.journal.log_reader import LogReader
from nascore.journal.opening import open_journal, read_holder, reading
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.sqlite_journal import SqliteJournal

__all__ = [
    "Entry",
    "Hold",
    "Holder",
    "Journal",
    "Location",
    "LogReader",
    "PostgresUrl",
    "SqliteJournal",
    "TunerSnapshot",
    "acquire",
    "open_journal",
    "parse_location",
    "read_holder",
    "reading",
]
