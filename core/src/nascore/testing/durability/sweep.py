"""The sweep: each call of each kind on each file, one after the other, each in a process of its own.

A row counts upwards until its fault no longer happens: so every call that the program makes is met, however the two
threads interleave. Not here: how a fault is made (``faults``), what is swept (``subjects``).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from nascore.testing.durability.faults import Fault, run_with
from nascore.testing.durability.judge import Run
from nascore.testing.durability.search import GAVE_UP
from nascore.testing.durability.subjects import ANY, FOLDER, Subject


@dataclass(slots=True)
class Row:
    """What a sweep of one kind of call found.

    Attributes:
        subject: What was swept.
        file: Name of the file.
        call: Name of the system call.
        effect: What happened to it.
        points: How many calls it happened to.
        killed: How many processes died of it.
        healed: How many went on in the same process.
        gave_up: How many ended with an error of ours, and were started again.
        violations: What is wrong, in sentences.
    """

    subject: str
    file: str
    call: str
    effect: str
    points: int = 0
    killed: int = 0
    healed: int = 0
    gave_up: int = 0
    violations: list[str] = field(default_factory=list)

    def count(self, run: Run) -> None:
        """Count one point by how its process ended."""
        self.points += 1
        self.killed += run.status == -9
        self.healed += run.status == 0
        self.gave_up += run.status == GAVE_UP


def sweep(
    subject: Subject,
    workplace: Path,
    *,
    files: Sequence[str] | None = None,
    calls: Sequence[str] | None = None,
    effects: Sequence[str] | None = None,
    step: int = 1,
    jobs: int = 1,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Meet every call of a subject with every effect.

    Args:
        subject: What is swept.
        workplace: Folder for databases; they are removed again.
        files: Names of the only files to look at; ``None`` for all.
        calls: The only system calls; ``None`` for all.
        effects: The only effects; ``None`` for all.
        step: 1 for every call, more for every so-manyth.
        jobs: How many faults at a time.
        on_row: Called with each row when it is done.
    """
    rows = [
        Row(subject.name, file, call, effect)
        for file, kinds in subject.calls().items()
        for call, named in kinds.items()
        for effect in named
        if _is_in(file, files) and _is_in(call, calls) and _is_in(effect, effects)
    ]

    def work(row: Row) -> Row:
        _fill(row, subject, workplace, step=step)
        on_row(row)
        return row

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, rows))


def _is_in(name: str, chosen: Sequence[str] | None) -> bool:
    return chosen is None or name in chosen


def _fill(row: Row, subject: Subject, workplace: Path, *, step: int) -> None:
    at, is_left = 1, True
    while is_left:
        is_left = _meet(row, subject, workplace, at=at)
        at += step


def _meet(row: Row, subject: Subject, workplace: Path, *, at: int) -> bool:
    """Let one fault happen and judge; returns whether it happened."""
    name = f"{row.subject}-{row.file}-{row.call}-{row.effect}-{at}"
    folder = workplace / re.sub(r"[^a-z0-9A-Z.-]", "-", name)
    subject.prepare(folder)
    try:
        file = {FOLDER: folder, ANY: None}.get(row.file, folder / row.file)
        fault = Fault(file, row.call, row.effect, at)
        run, happened = run_with(fault, subject.command(folder), environ=dict(os.environ))
        if happened:
            row.count(run)
            wrong = subject.judge(folder, run)
            row.violations += [f"{row.subject}, {row.file}, {row.call} {at}, {row.effect}: {text}" for text in wrong]
        return happened
    finally:
        shutil.rmtree(folder, ignore_errors=True)
