"""Sweep everything and print one table: ``python -m nascore.testing.durability``.

Parts: ``faults`` (each durability call killed and failed), ``power`` (power cuts and, as a control, the same on a log
that syncs too little), ``room`` (syncs that fail), ``disk`` (a full disk), ``clock``. What this machine cannot do is
named in the table. Exit status 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nascore.testing.durability import clocks, faults, mounts
from nascore.testing.durability.checkpoints import CheckpointSubject
from nascore.testing.durability.fulldisk import fill_disk
from nascore.testing.durability.judge import memory
from nascore.testing.durability.powercut import cut_power, overcommit
from nascore.testing.durability.subjects import SearchSubject, Subject
from nascore.testing.durability.sweep import Row, sweep

PARTS = ("faults", "power", "room", "disk", "clock")
_CONTROL_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what was done, how often, what came of it, and how much was wrong."""

    what: str
    count: str
    result: str
    violations: Sequence[str] = ()


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m nascore.testing.durability", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help="default: all")
    parser.add_argument("--rounds", type=int, default=100, help="power cuts")
    parser.add_argument("--step", type=int, default=1, help="look at every so-manyth system call only")
    parser.add_argument("--jobs", type=int, default=2, help="faults at a time")
    parser.add_argument("--folder", type=Path, default=memory(), help="where databases are made (default: in memory)")
    options = parser.parse_args()
    works: dict[str, Callable[[Path], list[Line]]] = {
        "faults": lambda folder: _faults(folder, step=options.step, jobs=options.jobs),
        "power": lambda _: _power(options.rounds),
        "room": lambda _: _room(max(2, options.rounds // 10)),
        "disk": _disk,
        "clock": _clock,
    }
    lines: list[Line] = []
    for part in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="nascore-durability-", dir=options.folder) as folder:
            begun = time.monotonic()
            lines += works[part](Path(folder))
            _say(f"{part}: {time.monotonic() - begun:.0f} s")
    _show(lines)
    sys.exit(any(line.violations for line in lines))


def _faults(folder: Path, *, step: int, jobs: int) -> list[Line]:
    if reason := faults.missing():
        return [Line("faults", "0", f"not done: {reason}")]
    lines = []
    subjects: list[Subject] = [SearchSubject(name, folder) for name in ("fresh", "begun", "grown")]
    for subject in [*subjects, CheckpointSubject(folder)]:
        rows = sweep(subject, folder, step=step, jobs=jobs, on_row=lambda row: _say(_row_text(row)))
        lines += _summed(subject.name, rows)
    return lines


def _summed(name: str, rows: Sequence[Row]) -> list[Line]:
    lines = []
    for effect in dict.fromkeys(row.effect for row in rows):
        chosen = [row for row in rows if row.effect == effect]
        killed, healed, gave_up = (
            sum(getattr(row, kind) for row in chosen) for kind in ("killed", "healed", "gave_up")
        )
        points = sum(row.points for row in chosen)
        wrong = [text for row in chosen for text in row.violations]
        result = f"{killed} killed, {healed} went on, {gave_up} gave up"
        lines.append(Line(f"{name}: {effect.partition('=')[2]}", f"{points} calls", result, wrong))
    return lines


def _power(rounds: int) -> list[Line]:
    if reason := mounts.missing():
        return [Line("power cuts", "0", f"not done: {reason}")]
    found = cut_power(rounds)
    control = cut_power(_CONTROL_ROUNDS, defect="normal")
    missed = [] if control.broken == control.done else ["a log that syncs too little was not found out"]
    return [
        Line("power cuts", f"{found.done} cuts", f"{found.words} acknowledged words looked for", found.violations),
        Line("control: synchronous=NORMAL", f"{control.done} cuts", f"lost words in {control.broken}", missed),
    ]


def _room(rounds: int) -> list[Line]:
    if reason := mounts.missing():
        return [Line("syncs that fail", "0", f"not done: {reason}")]
    found = overcommit(rounds)
    result = f"{found.refused} words refused, {found.words} acknowledged ones looked for"
    return [Line("syncs that fail, then do not", f"{found.done} disks", result, found.violations)]


def _disk(folder: Path) -> list[Line]:
    if reason := mounts.missing():
        return [Line("full disk", "0", f"not done: {reason}")]
    found = fill_disk(folder)
    result = f"{found.kept} trials kept, {found.refused} words refused, then taken"
    return [Line("full disk", "1 server", result, found.violations)]


def _clock(folder: Path) -> list[Line]:
    lines = []
    for name, work in (("jump", clocks.jump), ("stop", clocks.stop_and_go)):
        (folder / name).mkdir()
        if name == "jump" and (reason := clocks.missing()):
            lines.append(Line("wall clock jumps", "0", f"not done: {reason}"))
            continue
        wrong = work(folder / name)
        what = "wall clock jumps" if name == "jump" else "server stopped and continued"
        lines.append(Line(what, "1 server", "no trial lost" if not wrong else "see below", wrong))
    return lines


def _row_text(row: Row) -> str:
    numbers = f"{row.points} calls, {row.killed} killed, {row.healed} went on, {row.gave_up} gave up"
    return f"{row.subject}: {row.file} {row.call} {row.effect}: {numbers}, {len(row.violations)} violations"


def _show(lines: Sequence[Line]) -> None:
    _say("\n| what | how often | result | violations |\n|---|---|---|---|")
    for line in lines:
        _say(f"| {line.what} | {line.count} | {line.result} | {len(line.violations)} |")
    for line in lines:
        for text in line.violations:
            _say(f"- {text}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
