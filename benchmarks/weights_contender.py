"""A contender of ``weights_peers.py``: something that puts and gets the tensors of a state, and what that costs.

Not here: which there are.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pairs import Values

MEMORY = Path("/dev/shm")


@dataclass(slots=True)
class Contender:
    """Something that puts and gets: two calls, and the processes that work for it."""

    put: Callable[[], object]
    get: Callable[[], object]
    processes: list[psutil.Process] = field(default_factory=list)


def measured(work: Callable[[], object], processes: list[psutil.Process]) -> tuple[float, float, float]:
    """Return seconds, CPU seconds and extra bytes of memory of one call, here and in the processes."""
    everyone = [psutil.Process(), *processes]
    before = {one.pid: sum(one.cpu_times()[:2]) for one in everyone}
    for one in everyone:
        Path(f"/proc/{one.pid}/clear_refs").write_text("5")
    resident = sum(one.memory_info().rss for one in everyone)
    begun = time.perf_counter()
    kept = work()
    took = time.perf_counter() - begun
    cpu = sum(sum(one.cpu_times()[:2]) - before[one.pid] for one in everyone)
    extra = sum(_high_water(one.pid) for one in everyone) - resident
    del kept
    return took, cpu, float(max(0, extra))


def _high_water(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def sample(contender: AbstractContextManager[Contender]) -> Values:
    """Return all numbers of one contender in one round, after it has done both once."""
    values: dict[str, float] = {}
    with contender as opened:
        opened.put()
        opened.get()
        for operation in ("put", "get"):
            found = measured(getattr(opened, operation), opened.processes)
            values |= dict(zip((operation, f"{operation} cpu", f"{operation} memory"), found, strict=True))
    return values


@contextmanager
def started(*command: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a server and the first line that it prints."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def fresh() -> Iterator[Path]:
    """Give a folder in memory that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY, prefix=".bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
