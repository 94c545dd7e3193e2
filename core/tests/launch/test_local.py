"""The local launcher keeps the contract, with real processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from nascore.errors import InvalidInputError, NotFoundError
from nascore.launch import LocalLauncher, Worker, WorkerSpec, WorkerState, WorkerStatus, worker_environment

Start = Callable[..., Worker]


@pytest.fixture
def launcher() -> LocalLauncher:
    return LocalLauncher(os.environ)


@pytest.fixture
def start(launcher: LocalLauncher, tmp_path: Path) -> Iterator[Start]:
    started: list[Worker] = []

    def start(script: str, **parts: object) -> Worker:
        spec = WorkerSpec(
            "worker-0", ("sh", "-c", script), folder=tmp_path, log_file=tmp_path / "logs" / "worker-0.log", **parts
        )
        started.append(launcher.start(spec))
        return started[-1]

    yield start
    launcher.stop_all(started, grace_s=0)


def until(claim: Callable[[], bool], *, patience_s: float = 60.0) -> None:
    ends_at = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < ends_at, "it never came to pass"
        time.sleep(0.005)


def ended(launcher: LocalLauncher, worker: Worker) -> WorkerStatus:
    until(lambda: not launcher.poll(worker).is_running)
    return launcher.poll(worker)


def is_gone(process: int) -> bool:
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def number_in(file: Path) -> int:
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


@pytest.mark.parametrize("code", [0, 1, 42, 127])
def test_exit_code_is_told(launcher: LocalLauncher, start: Start, code: int) -> None:
    assert ended(launcher, start(f"exit {code}")) == WorkerStatus(WorkerState.EXITED, code=code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_ending_by_a_signal_is_told(launcher: LocalLauncher, start: Start, number: int) -> None:
    assert ended(launcher, start(f"kill -{int(number)} $$")) == WorkerStatus(WorkerState.SIGNALED, signal=number)


def test_running_worker_is_running_until_it_ends(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("while [ ! -e go ]; do sleep 0.01; done")
    assert launcher.poll(worker).is_running
    (tmp_path / "go").touch()
    assert ended(launcher, worker) == WorkerStatus(WorkerState.EXITED, code=0)


def test_both_outputs_are_appended_to_the_log(launcher: LocalLauncher, start: Start) -> None:
    ended(launcher, start("echo first"))
    worker = start("echo to out; echo to err >&2")
    ended(launcher, worker)
    assert launcher.log_file(worker).read_text() == "first\nto out\nto err\n"


def test_worker_reads_nothing_from_standard_input(launcher: LocalLauncher, start: Start) -> None:
    worker = start("cat; echo read")
    ended(launcher, worker)
    assert launcher.log_file(worker).read_text() == "read\n"


def test_polite_worker_is_ended_by_sigterm(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("trap 'echo bye; exit 7' TERM; echo $$ > ready; while :; do sleep 0.01; done")
    number_in(tmp_path / "ready")
    assert launcher.stop(worker, grace_s=20) == WorkerStatus(WorkerState.EXITED, code=7)
    assert "bye\n" in launcher.log_file(worker).read_text()


def test_worker_that_ignores_sigterm_is_ended_by_force(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("trap '' TERM; echo $$ > ready; while :; do sleep 0.01; done")
    process = number_in(tmp_path / "ready")
    assert launcher.stop(worker, grace_s=0.1) == WorkerStatus(WorkerState.SIGNALED, signal=signal.SIGKILL)
    assert is_gone(process)


def test_stop_right_after_start_ends_it(launcher: LocalLauncher, start: Start) -> None:
    assert not launcher.stop(start("sleep 60"), grace_s=20).is_running


def test_stopping_twice_tells_the_same(launcher: LocalLauncher, start: Start) -> None:
    worker = start("exit 3")
    ended(launcher, worker)
    assert launcher.stop(worker, grace_s=1) == launcher.stop(worker, grace_s=1) == launcher.poll(worker)


def test_descendants_end_with_a_stop(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("(trap '' TERM; while :; do sleep 0.01; done) & echo $! > child; exec sleep 60")
    child = number_in(tmp_path / "child")
    launcher.stop(worker, grace_s=20)
    until(lambda: is_gone(child))


def test_descendants_end_with_the_worker(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("sleep 60 & echo $! > child; exit 5")
    assert ended(launcher, worker) == WorkerStatus(WorkerState.EXITED, code=5)
    until(lambda: is_gone(number_in(tmp_path / "child")))


def test_worker_ends_with_its_keeper(launcher: LocalLauncher, start: Start, tmp_path: Path) -> None:
    worker = start("echo $$ > ready; exec sleep 60")
    process = number_in(tmp_path / "ready")
    os.kill(int(worker.identifier), signal.SIGKILL)
    until(lambda: is_gone(process))


def test_ended_worker_leaves_no_zombie(launcher: LocalLauncher, start: Start) -> None:
    worker = start("exit 0")
    ended(launcher, worker)
    assert not psutil.pid_exists(int(worker.identifier))


LAUNCHING = """
    import os, sys, time
    from pathlib import Path
    from nascore.launch import LocalLauncher, WorkerSpec
    folder = Path(sys.argv[1])
    launcher = LocalLauncher(os.environ)
    script = "trap '' TERM; (trap '' TERM; while :; do sleep 0.01; done) & echo $! > child; echo $$ > ready; wait; wait"
    spec = WorkerSpec("worker-0", ("sh", "-c", script), folder=folder, log_file=folder / "log")
    if sys.argv[2] == "thread":
        import threading
        thread = threading.Thread(target=launcher.start, args=(spec,))
        thread.start()
        thread.join()
    else:
        launcher.start(spec)
    if sys.argv[2] == "fork" and os.fork() == 0:
        (folder / "fork").write_text(f"{os.getpid()}\\n")
        time.sleep(60)
    time.sleep(60)
"""


@pytest.mark.parametrize("manner", ["plain", "thread", "fork"])
def test_killed_launcher_takes_its_workers_along(tmp_path: Path, manner: str) -> None:
    script = tmp_path / "launching.py"
    script.write_text(textwrap.dedent(LAUNCHING))
    launching = subprocess.Popen([sys.executable, "-W", "ignore", str(script), str(tmp_path), manner])
    try:
        worker, child = number_in(tmp_path / "ready"), number_in(tmp_path / "child")
        fork = number_in(tmp_path / "fork") if manner == "fork" else 0
        assert not is_gone(worker)
        assert not is_gone(child)
    finally:
        launching.kill()
        launching.wait()
    until(lambda: is_gone(worker) and is_gone(child))
    if fork:
        os.kill(fork, signal.SIGKILL)


def test_several_are_stopped_within_one_grace(launcher: LocalLauncher, start: Start) -> None:
    workers = [start("trap '' TERM; while :; do sleep 0.01; done") for _ in range(3)]
    statuses = launcher.stop_all(workers, grace_s=0.05)
    assert all(status.state is WorkerState.SIGNALED for status in statuses)
    assert launcher.stop_all([], grace_s=1) == ()


def test_unknown_program_is_refused_before_anything_starts(launcher: LocalLauncher, tmp_path: Path) -> None:
    spec = WorkerSpec("worker-3", ("no-such-program",), folder=tmp_path, log_file=tmp_path / "log")
    with pytest.raises(InvalidInputError, match=r"worker-3: the program 'no-such-program' is not found"):
        launcher.start(spec)
    assert not (tmp_path / "log").exists()


def test_missing_folder_is_refused(launcher: LocalLauncher, tmp_path: Path) -> None:
    spec = WorkerSpec("worker-0", ("true",), folder=tmp_path / "none", log_file=tmp_path / "log")
    with pytest.raises(InvalidInputError, match="no folder"):
        launcher.start(spec)


def test_log_file_that_cannot_be_written_is_refused(launcher: LocalLauncher, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spec = WorkerSpec("worker-0", ("true",), folder=tmp_path, log_file=tmp_path / "file" / "log")
    with pytest.raises(InvalidInputError, match="log file"):
        launcher.start(spec)


def test_broken_program_says_so_in_the_log(launcher: LocalLauncher, tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    worker = launcher.start(WorkerSpec("worker-0", (str(program),), folder=tmp_path, log_file=tmp_path / "log"))
    assert ended(launcher, worker) == WorkerStatus(WorkerState.EXITED, code=127)
    assert "cannot be started" in (tmp_path / "log").read_text()


def test_worker_of_another_launcher_is_unknown(launcher: LocalLauncher) -> None:
    with pytest.raises(NotFoundError, match="worker-9"):
        launcher.poll(Worker("worker-9", "1"))


def test_secrets_and_the_identity_of_another_worker_are_withheld(tmp_path: Path) -> None:
    inherited = {
        "HOME": "/home/someone",
        "MY_SECRET": "kept: it is the user's own",
        "NASCORE_HOME": "/data",
        "NASCORE_TOKEN": "canary",
        "NASCORE_TOKEN_FILE": "canary",
        "NASCORE_TUNER_TOKEN": "canary",
        "NASCORE_TASK": "space",
        "NASCORE_SERVER": "unix:/old",
        "CUDA_VISIBLE_DEVICES": "3,4",
    }
    spec = WorkerSpec("worker-1", ("true",), {"NASCORE_SERVER": "unix:/new"}, tmp_path, threads=4, devices=("4",))
    assert worker_environment(inherited, spec) == {
        "HOME": "/home/someone",
        "MY_SECRET": "kept: it is the user's own",
        "NASCORE_HOME": "/data",
        "NASCORE_SERVER": "unix:/new",
        "NASCORE_WORKER": "worker-1",
        "NASCORE_THREADS": "4",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "4",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
    }


def test_what_the_user_says_of_threads_that_wait_is_kept(tmp_path: Path) -> None:
    spec = WorkerSpec("worker-1", ("true",), {}, tmp_path)
    assert worker_environment({"OMP_WAIT_POLICY": "ACTIVE"}, spec)["OMP_WAIT_POLICY"] == "ACTIVE"


def test_environment_reaches_the_worker(start: Start, launcher: LocalLauncher) -> None:
    worker = start('echo "$NASCORE_WORKER $NASCORE_THREADS $NASCORE_FOLDER"', environment={"NASCORE_FOLDER": "/f"})
    ended(launcher, worker)
    assert launcher.log_file(worker).read_text() == "worker-0 1 /f\n"
