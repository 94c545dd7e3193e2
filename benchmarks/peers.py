"""The peers as contenders: their server where they have one, their workers in processes, and what these counted.

Not here: what a peer's process does (``optuna_peer.py``, ``vizier_peer.py``). Workers are processes, as their users
run them, up to eight; more share those as threads, for 64 processes would measure the machine's memory.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import load
import processor

HERE = Path(__file__).parent
VIZIER_PYTHON = HERE.parent / ".venv-vizier/bin/python"
KINDS = ("sqlite", "journal", "proxy", "vizier")
NAMES = {
    "sqlite": "Optuna, SQLite",
    "journal": "Optuna, journal file",
    "proxy": "Optuna, gRPC proxy over SQLite",
    "vizier": "Vizier, gRPC over SQLite",
}
PROCESSES = 8
_SERVED = ("proxy", "vizier")
_START_S = 90.0


def available() -> tuple[str, ...]:
    """Return the peers that are installed."""
    return tuple(kind for kind in KINDS if kind != "vizier" or VIZIER_PYTHON.exists())


def fill(kind: str, folder: Path, trials: int) -> None:
    """Make a peer's study in a folder, with so many finished trials."""
    with _serving(kind, folder, is_needed=kind == "vizier"):
        _run(_command("fill", "sqlite" if kind == "proxy" else kind, folder, "--trials", str(trials)))


def sample(kind: str, folder: Path, *, workers: int, seconds: float) -> dict[str, float]:
    """Return what workers of a peer did with the study in a folder.

    Returns:
        trials_a_second, ask and tell delays (p50 and p99, ms), processor ms a trial, and the errors of its storage.
    """
    processes = min(workers, PROCESSES)
    shares = [workers * (index + 1) // processes - workers * index // processes for index in range(processes)]
    with _serving(kind, folder, is_needed=kind in _SERVED) as server:
        crew = [_begin(kind, folder, threads, seconds) for threads in shares]
        for process in crew:
            _expect_ready(process)
        before = _spent(server, crew)
        for index, process in enumerate(crew):
            assert process.stdin is not None
            process.stdin.write(f"{index}\n")
            process.stdin.flush()
        answers = [_answer(process) for process in crew]
        spent = _spent(server, crew) - before
        for process in crew:
            process.communicate()
    return _summed(answers, spent)


def first_answer_s(kind: str, folder: Path) -> float:
    """Return the seconds from the start of a process to its first trial, for a peer without a server."""
    begun = time.perf_counter()
    _run(_command("first", kind, folder))
    return time.perf_counter() - begun


def _summed(answers: list[dict], spent: float) -> dict[str, float]:  # type: ignore[type-arg]  # JSON of our own
    done = sum(answer["done"] for answer in answers)
    delays = {kind: [s for answer in answers for s in answer["delays"][kind]] for kind in ("ask", "tell")}
    values = {
        "trials_a_second": sum(answer["done"] / answer["lasted_s"] for answer in answers),
        "processor_ms": spent / max(done, 1) * 1e3,
        "errors": float(sum(sum(answer["errors"].values()) for answer in answers)),
    }
    for kind, seconds in delays.items():
        for name, value in load.quantiles(seconds).items():
            values[f"{kind}_{name}"] = value
    return values


@contextmanager
def _serving(kind: str, folder: Path, *, is_needed: bool) -> Iterator[int | None]:
    """Run a peer's server if it has one; yield its process id."""
    if not is_needed:
        yield None
        return
    port = _free_port()
    (folder / "port").write_text(str(port))
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(_command("serve", kind, folder), stdout=quiet, stderr=quiet)
    try:
        _await_port(port, server)
        yield server.pid
    finally:
        server.kill()
        server.wait()


def _command(job: str, kind: str, folder: Path, *options: str) -> list[str]:
    python = str(VIZIER_PYTHON) if kind == "vizier" else sys.executable
    program = HERE / ("vizier_peer.py" if kind == "vizier" else "optuna_peer.py")
    return [python, str(program), job, kind, str(folder), *options]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-2000:]}")


def _begin(kind: str, folder: Path, threads: int, seconds: float) -> subprocess.Popen[str]:
    command = _command("work", kind, folder, "--threads", str(threads), "--seconds", str(seconds))
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, text=True)


def _expect_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"A peer's worker did not begin: {process.args!r}")


def _answer(process: subprocess.Popen[str]) -> dict:  # type: ignore[type-arg]  # JSON of our own
    assert process.stdout is not None
    answer: dict = json.loads(process.stdout.readline())  # type: ignore[type-arg]  # JSON of our own
    return answer


def _spent(server: int | None, crew: list[subprocess.Popen[str]]) -> float:
    pids = [process.pid for process in crew] + ([] if server is None else [server])
    return sum(sum(processor.seconds_of_family(pid)) for pid in pids)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("localhost", port), timeout=1.0).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("A peer's server did not start.")
