"""The log of experiments: durable, totally ordered entries in a database that one process holds at a time.

Not here: what the entries mean (``nascore.experiment``).
"""

from nascore.journal.contract import Entry, Journal, TunerSnapshot
from nascore.journal.holder import Hold, Holder, acquire, read_holder
from nascore.journal.sqlite_journal import SqliteJournal

__all__ = [
    "Entry",
    "Hold",
    "Holder",
    "Journal",
    "SqliteJournal",
    "TunerSnapshot",
    "acquire",
    "read_holder",
]
