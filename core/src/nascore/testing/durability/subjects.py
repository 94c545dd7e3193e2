"""What is swept: programs that promise things, the files they promise them in, and who judges them afterwards."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from nascore.experiment import DATABASE_NAME
from nascore.journal import SqliteJournal
from nascore.testing.durability.judge import Run, Trial, calm, go_on, judged

KILL = "signal=SIGKILL"
FOLDER = "(folder)"
"""Calls on the folder itself count."""
ANY = "(any)"
"""Every call of the process counts, on whatever file."""

_FRAME = 4096 + 24
_CHECKPOINT_FRAMES = 1000


class Subject(ABC):
    """One program in one situation.

    Attributes:
        name: What the table calls it.
    """

    name: str

    @abstractmethod
    def command(self, folder: Path) -> list[str]:
        """Return the program that works in ``folder`` and says on standard output what it acknowledged."""

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Make the folder as it is before the program starts."""

    @abstractmethod
    def calls(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Return the effects to try on each call, by name of the file (or `FOLDER`, `ANY`) and of the call."""

    @abstractmethod
    def judge(self, folder: Path, run: Run) -> list[str]:
        """Return what is wrong after a fault, in sentences."""


_FAILS = ("error=EIO", "error=ENOSPC", "error=EIO*6")
_WRITES = (KILL, *_FAILS)
_LOG_CALLS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "": {
        "openat": (KILL, "error=EIO"),
        "pwrite64": (*_WRITES, "retval=0"),
        "fdatasync": _WRITES,
        "ftruncate": (KILL, "error=EIO"),
    },
    "-wal": {
        "openat": (KILL, "error=EIO", "error=ENOSPC"),
        "pwrite64": (*_WRITES, "retval=0"),
        "fdatasync": _WRITES,
        "ftruncate": (KILL, "error=EIO"),
        "unlink": (KILL, "error=EIO"),
    },
    "-journal": {
        "openat": (KILL, "error=EIO", "error=ENOSPC"),
        "pwrite64": (*_WRITES, "retval=0"),
        "fdatasync": _WRITES,
        "unlink": (KILL, "error=EIO"),
    },
    "-shm": {
        "openat": (KILL, "error=EIO", "error=ENOSPC"),
        "pwrite64": (*_WRITES, "retval=0"),
        "ftruncate": (KILL, "error=EIO"),
        "mmap": (KILL, "error=ENOMEM"),
        "unlink": (KILL, "error=EIO"),
    },
    ".lock": {
        "openat": (KILL, "error=EIO", "error=ENOSPC"),
        "pwrite64": (*_WRITES,),
        "ftruncate": (KILL, "error=EIO"),
    },
}
_FOLDER_CALLS = {"fdatasync": (KILL, "error=EIO"), "fsync": (KILL, "error=EIO")}


class SearchSubject(Subject):
    """The search, on a log in a given state.

    Args:
        name: ``fresh`` (no file yet), ``begun`` (tables only), or ``grown`` (two saved states of the tuner, and a
            write-ahead log of a killed process that is about to be written back).
        workplace: Folder for what is made once.
        more: Trials of the program under the fault; one more follows afterwards.
        defect: A defect planted in the program under the fault; empty for none.
    """

    def __init__(self, name: str, workplace: Path, *, more: int = 3, defect: str = "") -> None:
        self.name = f"log, {name}"
        self._template = workplace / f"{name}-template"
        self._defect = defect
        before = self._make_template(name)
        self._trials = before + more
        self.reference: Sequence[Trial] = calm(self._trials + 1)

    def command(self, folder: Path) -> list[str]:
        """See `Subject.command`."""
        module = [sys.executable, "-m", "nascore.testing.durability.search"]
        planted = ["--plant", self._defect] if self._defect else []
        return [*module, *planted, str(folder / DATABASE_NAME), str(self._trials)]

    def prepare(self, folder: Path) -> None:
        """See `Subject.prepare`."""
        shutil.copytree(self._template, folder)

    def calls(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """See `Subject.calls`."""
        return {**{f"{DATABASE_NAME}{ending}": calls for ending, calls in _LOG_CALLS.items()}, FOLDER: _FOLDER_CALLS}

    def judge(self, folder: Path, run: Run) -> list[str]:
        """See `Subject.judge`."""
        return judged(folder, run, reference=self.reference)

    def _make_template(self, name: str) -> int:
        """Make the log as it is before the fault; returns its trials."""
        self._template.mkdir(parents=True)
        if name == "fresh":
            return 0
        if name == "begun":
            asyncio.run(_make_tables(self._template / DATABASE_NAME))
            return 0
        for trials in (10, 20):
            go_on(self._template, trials)
        return self._grow_until_written_back()

    def _grow_until_written_back(self) -> int:
        limit = (_CHECKPOINT_FRAMES - 12) * _FRAME
        command = [sys.executable, "-m", "nascore.testing.durability.search", "--die-at-bytes", str(limit)]
        done = subprocess.run([*command, str(self._template / DATABASE_NAME), "9999"], capture_output=True, check=False)
        assert done.returncode == -9, done
        return 20 + sum(line.startswith(b"finish") for line in done.stdout.splitlines())


async def _make_tables(database: Path) -> None:
    await (await SqliteJournal.open(database)).close()
