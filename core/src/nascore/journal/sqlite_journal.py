"""The log in SQLite: the default, one file beside the run.

Not here: what the engine calls (``nascore.journal.stored_journal``), the file (``nascore.journal.sqlite_store``), and
reading beside a live server (``nascore.journal.opening``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from nascore.journal.migrations import Step
from nascore.journal.sqlite_schema import STEPS
from nascore.journal.sqlite_store import SqliteStore
from nascore.journal.stored_journal import StoredJournal


class SqliteJournal(StoredJournal):
    """The log in one SQLite file; made by `open`."""

    @classmethod
    async def open(cls, path: Path, *, steps: Sequence[Step] = STEPS) -> Self:
        """Open the log, making the file if there is none and bringing an older one up to date.

        The lock on the file is the caller's (``nascore.journal.holder``).

        Args:
            path: The file.
            steps: How its tables came to be.

        Raises:
            StateError: The file was made by a newer nascore or another program.
            DataLossError: It is damaged.
            PermissionDeniedError: It cannot be written to.
        """
        return await cls._begun(lambda: SqliteStore(path, steps=steps))
