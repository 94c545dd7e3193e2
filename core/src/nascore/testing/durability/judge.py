"""Who judges a database after a fault: is it sound, is every acknowledged word in it, does the search go on unchanged?

A folder is judged in two steps. What was acknowledged is looked for in a copy, with a fresh journal, before anything
else touches it: the search repeats itself so exactly that going on would hide a loss. Then the search goes on to its
end in the folder itself, and its trials must equal those of a search that nothing happened to. Not here: what the fault
was.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nascore.errors import NascoreError
from nascore.experiment import DATABASE_NAME, archive
from nascore.journal import Entry, SqliteJournal
from nascore.record import TrialRecord, TrialState
from nascore.testing.durability.search import GAVE_UP, search

ALLOWED = frozenset({"ExhaustedResourceError", "UnavailableError"})
"""What the log may answer while the disk fails: try again."""

Trial = tuple[object, ...]

_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made by tempfile


@dataclass(frozen=True, slots=True)
class Run:
    """What a process said before it ended, and how it ended.

    Attributes:
        said: Its whole lines; a line that was cut is no promise.
        status: Exit status; negative for a signal.
        complaint: The end of what it wrote to standard error.
    """

    said: tuple[str, ...]
    status: int
    complaint: str = ""


def whole_lines(output: bytes) -> tuple[str, ...]:
    """Return the lines that were written to their end."""
    return tuple(output[: output.rfind(b"\n") + 1].decode().splitlines())


def memory() -> Path | None:
    """Return a folder whose syncs cost nothing; ``None`` for the usual place of temporary files."""
    return _MEMORY if _MEMORY.is_dir() else None


@lru_cache
def calm(trials: int) -> tuple[Trial, ...]:
    """Return the trials of a search of that length that nothing happens to."""
    with tempfile.TemporaryDirectory(prefix="nascore-calm-", dir=memory()) as folder:
        go_on(Path(folder), trials)
        return stored_trials(Path(folder))


def go_on(folder: Path, trials: int) -> None:
    """Search in this process until so many trials have ended.

    Raises:
        NascoreError: The log refuses.
    """
    asyncio.run(search(folder / DATABASE_NAME, trials, say=_unheard, on_trial=_unheard))


def judged(folder: Path, run: Run, *, reference: Sequence[Trial]) -> list[str]:
    """Return what is wrong after a fault, in sentences; nothing for nothing.

    Args:
        folder: Folder of the database; the search goes on to its end in it.
        run: What the process under the fault said.
        reference: The trials of a calm search, as `calm` returns them; its length is the length of this one.
    """
    wrong = list(_behaviour(run))
    try:
        wrong.extend(_losses(folder, run.said))
        go_on(folder, len(reference))
        found = stored_trials(folder)
    except (NascoreError, sqlite3.Error, OSError) as error:
        return [*wrong, f"the log cannot be taken up again: {type(error).__name__}: {error}"]
    if found != tuple(reference):
        first = next((place for place, pair in enumerate(zip(found, reference, strict=False)) if pair[0] != pair[1]), 0)
        wrong.append(f"trials differ from those of a calm search, from {first} on")
    return wrong


def stored_trials(folder: Path) -> tuple[Trial, ...]:
    """Return of each trial what must not depend on faults: proposal, outcome and reports, but no times."""
    return tuple(_essence(trial) for trial in archive.load_database(folder / DATABASE_NAME).trials)


def _essence(trial: TrialRecord) -> Trial:
    outcome = trial.outcome
    said = () if outcome is None else (outcome.status, tuple(outcome.metrics.items()))
    proposal = trial.proposal
    chosen = None if proposal.architecture is None else proposal.architecture.fingerprint
    reports = tuple((report.step, tuple(report.metrics.items())) for report in trial.reports)
    return (trial.number, chosen, tuple(proposal.notes.items()), said, reports)


def _behaviour(run: Run) -> Iterator[str]:
    if run.status not in (0, -9, GAVE_UP):
        yield f"it ended with status {run.status}: {run.complaint}"
    for line in run.said:
        if line.startswith("refused "):
            _, what, error, message = line.split(maxsplit=3)
            if error not in ALLOWED:
                yield f"it answered {error} to {what}: {message}"


def _losses(folder: Path, said: Iterable[str]) -> list[str]:
    """Look for each acknowledged word in a copy of what is on the disk."""
    copy = folder.with_name(f"{folder.name}-copy")
    shutil.copytree(folder, copy)
    try:
        if not (copy / DATABASE_NAME).exists():
            return [f"acknowledged, but there is no log: {line}" for line in said if _is_promise(line)]
        entries = asyncio.run(_entries(copy / DATABASE_NAME))
        trials = archive.load_database(copy / DATABASE_NAME).trials if entries else ()
        ends = Counter(entry.payload for entry in entries if entry.kind == "finished")
        unsound = [] if (check := _check(copy / DATABASE_NAME)) == "ok" else [f"SQLite finds it damaged: {check}"]
        lost = [f"acknowledged, but not in the log: {line}" for line in said if not _is_kept(line, trials)]
        twice = [f"in the log {count} times: {text}" for text, count in ends.items() if count > 1]
        return [*unsound, *lost, *twice]
    finally:
        shutil.rmtree(copy)


async def _entries(database: Path) -> list[Entry]:
    journal = await SqliteJournal.open(database)
    try:
        return [entry for name in await journal.experiments() for entry in await journal.read(name)]
    finally:
        await journal.close()


def _check(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _is_promise(line: str) -> bool:
    return line.split(maxsplit=1)[0] in ("open", "lease", "report", "finish")


def _is_kept(line: str, trials: Sequence[TrialRecord]) -> bool:
    word, *rest = line.split()
    if word not in ("lease", "report", "finish"):
        return True
    number = int(rest[1])
    if number >= len(trials):
        return False
    trial = trials[number]
    if word == "lease":
        architecture = trial.proposal.architecture
        return trial.epoch >= int(rest[2]) and architecture is not None and architecture.fingerprint == rest[3]
    if word == "report":
        return any(report.step == int(rest[2]) for report in trial.reports)
    outcome = trial.outcome
    return trial.state is TrialState.SUCCEEDED and outcome is not None and outcome.metrics["accuracy"] == float(rest[2])


def _unheard(*words: object) -> None:
    """Take words that nobody waits for."""
