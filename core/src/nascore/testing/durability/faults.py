"""One fault in one process: the n-th system call of a kind on one file kills it, fails, or writes nothing.

By strace's fault injection, with no change to the program; counted for each thread by itself, so a sweep looks at one
file at a time, on which one thread works. The signal comes before the call is done. Source: strace(1), ``-e inject``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nascore.testing.durability.judge import Run, whole_lines

TIMEOUT_S = 60.0
_STRACE = ("strace", "-f")
# A process is stopped at the calls of interest only, and not at each of the thousands that Python makes to begin.
_SELDOM = "--seccomp-bpf"
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to which call.

    Attributes:
        file: The only file (or folder) whose calls count; ``None`` for all that the process does.
        call: Name of the system call.
        effect: As strace writes it: ``signal=SIGKILL``, ``error=EIO``, ``retval=0``; ``*6``: six calls in a row.
        at: Which one, from 1.
    """

    file: Path | None
    call: str
    effect: str
    at: int


def missing() -> str:
    """Return why faults cannot be injected here; empty if they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run([*_STRACE, _SELDOM, "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"strace may not trace its own children here: {probe.stderr.strip()}" if probe.returncode else ""


def run_with(fault: Fault, command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> tuple[Run, bool]:
    """Run a program under a fault; returns what it said and whether the fault happened."""
    with tempfile.NamedTemporaryFile(prefix="trace-") as trace:
        effect, _, times = fault.effect.partition("*")
        inject = f"inject={fault.call}:{effect}:when={fault.at}..{fault.at + int(times or 1) - 1}"
        path = [] if fault.file is None else ["-P", str(fault.file)]
        # Stopped in that way, a process is sent no signal.
        stops = [] if effect.startswith("signal=") else [_SELDOM]
        tracer = [*_STRACE, *stops, "-qq", "-o", trace.name, *path, "-e", f"trace={fault.call}", "-e", inject]
        done = subprocess.run([*tracer, *command], capture_output=True, env=environ, timeout=TIMEOUT_S, check=False)
        happened = b"(INJECTED)" in Path(trace.name).read_bytes() or done.returncode == -9
    return Run(whole_lines(done.stdout), done.returncode, done.stderr.decode()[-_SHOWN:]), happened
