"""Clocks that jump under a server, and a server that is stopped for longer than its leases last.

The wall clock jumps by hours, forward and back, under libfaketime, which leaves the monotonic clock alone: no lease may
run out by it, no trial may change its place, and what is shown stays readable. Then the process is stopped with SIGSTOP
and goes on: a worker that renewed meanwhile has done its part, and must not lose its trial.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nascore.errors import NascoreError
from nascore.experiment import DATABASE_NAME, archive
from nascore.record import Lease, TrialState
from nascore.testing.durability.search import specification
from nascore.testing.durability.served import WORKER, Served, served

_HOUR_S = 3600
_JUMPS_S = (5 * _HOUR_S, -7 * _HOUR_S, 24 * _HOUR_S, 0)
_LONGEST_TRIAL_S = 60.0
_LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)


def missing() -> str:
    """Return why the clock of a process cannot be turned here; empty if it can."""
    return "" if _library() else "libfaketime is not installed"


def jump(workplace: Path, *, lease_s: float = 2.0) -> list[str]:
    """Let the wall clock of a server jump while trials are leased; returns what is wrong, in sentences."""
    folder = workplace / "run"
    folder.mkdir()
    turned = workplace / "clock"
    _turn(turned, 0)
    with served(folder, sockets=workplace, environ=_faked(turned)) as server:
        server.client.create(specification(lease_s=lease_s), request_id="create")
        wrong = []
        leases: list[Lease] = []
        for number, offset in enumerate(_JUMPS_S):
            leases.append(server.take(number))
            _turn(turned, offset)
            wrong += list(_renewed(server, leases))
            wrong += list(_shown(server, leases))
        for number, lease in enumerate(leases):
            server.finish(lease, number)
        if status := server.end():
            wrong.append(f"the server ended with status {status}")
    return wrong + list(_kept(folder, leases))


def stop_and_go(workplace: Path, *, lease_s: float = 1.0, stopped_s: float = 2.0) -> list[str]:
    """Stop a server for longer than a lease while its worker renews; returns what is wrong, in sentences."""
    folder = workplace / "run"
    folder.mkdir()
    with served(folder, sockets=workplace) as server, ThreadPoolExecutor(1) as worker:
        server.client.create(specification(lease_s=lease_s), request_id="create")
        lease = server.take(0)
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(lease_s / 3)
        renewal = worker.submit(server.client.renew, "last", WORKER, lease.trial, lease.epoch)
        time.sleep(stopped_s)
        server.process.send_signal(signal.SIGCONT)
        wrong = []
        try:
            renewal.result()
            server.finish(lease, 0)
        except NascoreError as error:
            wrong.append(f"a worker that renewed lost its trial: {error}")
        server.end()
    return wrong


def _renewed(server: Served, leases: Sequence[Lease]) -> Iterator[str]:
    for lease in leases:
        try:
            server.client.renew("last", WORKER, lease.trial, lease.epoch)
        except NascoreError as error:
            yield f"trial {lease.trial} was lost when the clock jumped: {error}"


def _shown(server: Served, leases: Sequence[Lease]) -> Iterator[str]:
    record = server.client.get("last")
    if not 0 <= record.elapsed_s < _LONGEST_TRIAL_S:
        yield f"the experiment shows {record.elapsed_s} s of running time"
    numbers = [trial.number for trial in server.client.list_trials("last")]
    if numbers != list(range(len(leases))):
        yield f"trials are shown as {numbers}"


def _kept(folder: Path, leases: Sequence[Lease]) -> Iterator[str]:
    archived = archive.load_database(folder / DATABASE_NAME)
    for trial, lease in zip(archived.trials, leases, strict=True):
        if trial.state is not TrialState.SUCCEEDED or trial.epoch != lease.epoch or trial.attempt != 1:
            yield f"trial {trial.number} ended as {trial.state.value}, epoch {trial.epoch}, attempt {trial.attempt}"
        if trial.outcome is None or not 0 <= trial.outcome.duration_s < _LONGEST_TRIAL_S:
            yield f"trial {trial.number} is said to have taken {trial.outcome and trial.outcome.duration_s} s"


def _turn(file: Path, offset_s: int) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{offset_s:+d}\n")
    fresh.replace(file)


def _faked(file: Path) -> Mapping[str, str]:
    faked = {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return {**os.environ, **faked, "DONT_FAKE_MONOTONIC": "1", "LD_PRELOAD": _library()}


def _library() -> str:
    if shutil.which("faketime") is None:
        return ""
    return next((path for path in _LIBRARIES if Path(path).exists()), "")
