"""A process is looked at with all that it started, and what got away is found by its mark."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nascore.tuner import family, guard
from nascore.tuner.family import kill_marked, resident_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
SLEEP = "import time; print('.', flush=True); time.sleep(600)"
EATER = f"kept = bytearray(b'x' * (64 * 2**20)); {SLEEP}"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {EATER!r}])"
# It has a thread of its own start the child, which stands in that thread's list only.
THREADED = f"import threading; threading.Thread(target=exec, args=({PARENT!r},)).start()"
DAEMON = f"""
import os, subprocess, sys, time
if os.fork() == 0:
    subprocess.Popen([sys.executable, '-S', '-c', {EATER!r}], start_new_session=True)
    os._exit(0)
os.wait()
time.sleep(600)
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        kill_marked("FAMILY_TEST", str(os.getpid()))
        process.kill()
        process.communicate()


def start(started: list[subprocess.Popen[bytes]], *command: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "FAMILY_TEST": str(os.getpid())}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b".\n"
    return process


@pytest.mark.parametrize("source", [PARENT, THREADED], ids=["child", "child of a thread"])
@pytest.mark.parametrize("has_children", [True, False], ids=["proc", "psutil"])
def test_memory_is_that_of_all_descendants(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, source: str, has_children: bool
) -> None:
    monkeypatch.setattr(family, "_HAS_CHILDREN", has_children)
    process = start(started, sys.executable, "-S", "-c", source)
    assert 64 * 2**20 < resident_bytes(process.pid) < 300 * 2**20


def test_memory_of_what_has_ended_is_none(started: list[subprocess.Popen[bytes]]) -> None:
    process = start(started, sys.executable, "-S", "-c", SLEEP)
    process.kill()
    process.wait()
    assert resident_bytes(process.pid) == 0
    assert resident_bytes(2**22 + 1) == 0


def test_marked_processes_are_killed_and_no_others(started: list[subprocess.Popen[bytes]]) -> None:
    marked = start(started, sys.executable, "-S", "-c", SLEEP)
    assert kill_marked("FAMILY_TEST", "another") == 0
    assert marked.poll() is None
    assert kill_marked("FAMILY_TEST", str(os.getpid())) == 1
    marked.wait(60)


def test_orphans_of_a_guarded_process_stay_its_own_and_it_dies_before_the_server(
    started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """A child that loses its parent is handed to the guarded process, where the watchdog still counts it."""
    process = start(
        started, sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), sys.executable, "-S", "-c", DAEMON
    )
    deadline = time.monotonic() + 60
    while resident_bytes(process.pid) < 64 * 2**20 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert resident_bytes(process.pid) > 64 * 2**20
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) >= 500
