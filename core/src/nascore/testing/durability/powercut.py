"""Disks that forget: power cuts at random moments of a search, and writes that fail after they were taken.

The log lies on a file system of its own (``mounts``). Judged are the words that were heard before the cut: ext4 answers
a sync that is at work during its shutdown now and then with success (in 4 of 80 rounds of pwrite, fdatasync and nothing
else), which a machine without power cannot. This models caches that are lost; neither disks that reorder what they were
told to sync nor disks that lie. With ``synchronous`` at NORMAL the same rounds lose words: the control that shows that
this test can fail.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nascore.experiment import DATABASE_NAME
from nascore.testing.durability.judge import Run, Trial, calm, judged
from nascore.testing.durability.listening import Listener
from nascore.testing.durability.mounts import PowerSupply, overcommitted_disk, powered

TRIALS = 600
"""More than any search gets through before its power is cut."""

_LONGEST_S = 0.5
_ROOM_KIB = ((1000, 1600), (4100, 4400))  # Full in the write-ahead log, and while it is written back.
_AFTERWARDS = 6
_PROMISES = ("lease ", "report ", "finish ")


@dataclass(slots=True)
class Rounds:
    """What rounds found.

    Attributes:
        done: How many there were.
        words: How many acknowledged words were looked for.
        refused: How many words the log refused.
        broken: In how many rounds anything was wrong.
        violations: What is wrong, in sentences.
    """

    done: int = 0
    words: int = 0
    refused: int = 0
    broken: int = 0
    violations: list[str] = field(default_factory=list)

    def count(self, said: Sequence[str], wrong: Sequence[str]) -> None:
        """Count one round."""
        self.violations += [f"round {self.done}: {text}" for text in wrong]
        self.done += 1
        self.words += sum(line.startswith(_PROMISES) for line in said)
        self.refused += sum(line.startswith("refused ") for line in said)
        self.broken += bool(wrong)


def cut_power(
    rounds: int, *, seed: int = 1, defect: str = "", on_round: Callable[[Rounds], None] = lambda _: None
) -> Rounds:
    """Cut the power in so many searches and judge each; a planted ``defect`` must be found.

    Args:
        rounds: How many searches.
        seed: Of the random moments.
        defect: A defect planted in the search (see ``search.PLANTS``); empty for none.
        on_round: Called after each round.
    """
    rng = random.Random(seed)
    reference = calm(TRIALS)
    found = Rounds()
    with powered() as supply:
        for number in range(rounds):
            folder = supply.place / f"round-{number}"
            said, wrong = _cut_once(supply, folder, reference, pause_s=rng.uniform(0.0, _LONGEST_S), defect=defect)
            found.count(said, wrong)
            on_round(found)
    return found


def overcommit(rounds: int, *, seed: int = 1, on_round: Callable[[Rounds], None] = lambda _: None) -> Rounds:
    """Let syncs fail for lack of real room in so many searches, make room, kill each a little later, and judge it."""
    rng = random.Random(seed)
    reference = calm(TRIALS)
    found = Rounds()
    for number in range(rounds):
        said, wrong = _overcommit_once(rng.randrange(*_ROOM_KIB[number % len(_ROOM_KIB)]), reference)
        found.count(said, wrong)
        on_round(found)
    return found


def _cut_once(
    supply: PowerSupply, folder: Path, reference: Sequence[Trial], *, pause_s: float, defect: str
) -> tuple[Sequence[str], list[str]]:
    folder.mkdir()
    process, listener = _started(folder, *(["--plant", defect] if defect else []))
    listener.wait_for("")
    time.sleep(pause_s)
    said = listener.heard()
    supply.cut()
    process.kill()
    ended = sum(line.startswith("finish ") for line in listener.lines())
    supply.off()
    supply.on()
    folder.mkdir(exist_ok=True)  # If not even the folder was kept, nothing may have been promised.
    return said, _judged(folder, said, reference[: ended + 2])


def _overcommit_once(kibibytes: int, reference: Sequence[Trial]) -> tuple[Sequence[str], list[str]]:
    with overcommitted_disk(kibibytes) as disk:
        process, listener = _started(disk.place, "--patience-s", "0.02")
        is_full = listener.wait_for("refused", 3)
        disk.grow()
        is_healed = listener.wait_for("finish", listener.count("finish") + _AFTERWARDS)
        process.kill()
        said = listener.lines()
        disk.forget()
        wrong = _judged(disk.place, said, reference[: listener.count("finish") + 2])
    if not is_full:
        wrong.append("the disk was never full: this round proves nothing")
    elif not is_healed:
        wrong.append(f"it did not go on when there was room again; its last word: {said[-1]}")
    return said, wrong


def _started(folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], Listener]:
    module = [sys.executable, "-m", "nascore.testing.durability.search", *options]
    command = [*module, str(folder / DATABASE_NAME), str(TRIALS - 10)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return process, Listener(process)


def _judged(folder: Path, said: Sequence[str], reference: Sequence[Trial]) -> list[str]:
    return judged(folder, Run(tuple(said), -9), reference=reference)
