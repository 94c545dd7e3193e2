"""What an index is made from: the log of a store, wherever it is. Not here: what records do (``index_changes``)."""

from __future__ import annotations

import sqlite3
from typing import Protocol

from nascore.weights.record_log import Record


class History(Protocol):
    """What was done to a store, which is the truth; the index only says quickly what it says as well."""

    def fill(self, connection: sqlite3.Connection) -> None:
        """Fill an empty index.

        Raises:
            DataLossError: A record is not what was written.
        """
        ...

    def catch_up(self, connection: sqlite3.Connection) -> bool:
        """Do what it says beyond the index, durably, and return whether there was anything.

        Raises:
            DataLossError: It is not the history that the index was made from, or a record is not what was written.
        """
        ...

    def append(self, record: Record, offset: int) -> int:
        """Make a record durable behind ``offset``, where the one before it ends, and return where it ends itself.

        Raises:
            ExhaustedResourceError: The disk is full or failed; the record is not there.
        """
        ...

    def take_back(self, offset: int) -> None:
        """Remove what was appended from ``offset`` on, if anything was."""
        ...
