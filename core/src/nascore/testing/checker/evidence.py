"""Evidence: a folder with the histories and the log of one run, which can be judged again at any time.

``history/*.jsonl`` are the workers' histories, ``log.jsonl`` is the log, ``judgement.txt`` what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nascore.errors import NotFoundError
from nascore.journal import Entry
from nascore.testing.checker.judge import Judgement, judged
from nascore.testing.checker.logbook import log_of, read_entries, write_entries
from nascore.testing.checker.violation import Violation
from nascore.testing.history import read_histories

HISTORY = "history"
LOG = "log.jsonl"
JUDGEMENT = "judgement.txt"


def judged_folder(folder: Path) -> Judgement:
    """Judge the evidence in a folder.

    Raises:
        NotFoundError: There is none.
        DataLossError: It cannot be read.
    """
    if not (folder / LOG).is_file() or not (folder / HISTORY).is_dir():
        raise NotFoundError(f"{folder} holds no evidence: {LOG} and the folder {HISTORY}/ are looked for.")
    return judged(read_histories(folder / HISTORY), log_of(read_entries(folder / LOG)))


def keep_log(folder: Path, entries: Iterable[Entry]) -> None:
    """Put a log beside the histories in a folder."""
    write_entries(entries, folder / LOG)


def keep_judgement(folder: Path, violations: Iterable[Violation]) -> None:
    """Write what was found into the folder."""
    (folder / JUDGEMENT).write_text("".join(f"{violation}\n" for violation in violations), encoding="utf-8")
