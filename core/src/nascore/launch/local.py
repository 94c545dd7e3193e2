"""Workers as processes of this machine.

Each worker runs in a session and a process group of its own under a keeper (``nascore.launch.keeper``), so that none of
its group outlives a stop, its own end, or the end of the launcher's process, even by SIGKILL. Its output goes to its
log file.

It inherits the user's environment less the variables that say who a worker is and less nascore's own secrets.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from nascore.errors import ExhaustedResourceError, InvalidInputError, NotFoundError
from nascore.launch.contract import Launcher, Worker, WorkerSpec, WorkerState, WorkerStatus
from nascore.secrecy import is_secret

_KEEPER = Path(__file__).with_name("keeper.py")
_OWN = frozenset(
    {
        "NASCORE_EXPERIMENT",
        "NASCORE_FOLDER",
        "NASCORE_ISOLATION",
        "NASCORE_MAX",
        "NASCORE_OUTPUT",
        "NASCORE_PROFILE",
        "NASCORE_REQUEST",
        "NASCORE_SERVER",
        "NASCORE_TASK",
        "NASCORE_THREADS",
        "NASCORE_WORKER",
    }
)


class LocalLauncher(Launcher):
    """Runs workers on this machine.

    Args:
        environ: The environment that workers inherit, usually ``os.environ``.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        # Guards the table below, never held while waiting.
        self._lock = threading.Lock()
        self._running: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}

    def start(self, spec: WorkerSpec) -> Worker:
        """Start a worker; see ``Launcher.start``."""
        environment = worker_environment(self._environ, spec)
        program = _program(spec, environment)
        with _log(spec) as log:
            keeper = _keep((program, *spec.command[1:]), spec, environment, log)
        worker = Worker(spec.name, str(keeper.pid))
        with self._lock:
            self._running[worker.identifier] = (keeper, spec.log_file)
        return worker

    def poll(self, worker: Worker) -> WorkerStatus:
        """Return where a worker stands; see ``Launcher.poll``."""
        keeper, _ = self._find(worker)
        code = keeper.poll()
        if code is not None:
            _hang_up(keeper)
        return _status(code)

    def stop(self, worker: Worker, *, grace_s: float) -> WorkerStatus:
        """SIGTERM to the worker's group, and after ``grace_s`` SIGKILL; see ``Launcher.stop``."""
        keeper, _ = self._find(worker)
        if keeper.poll() is None:
            keeper.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                keeper.wait(grace_s)
        _hang_up(keeper)
        return _status(keeper.wait())

    def log_file(self, worker: Worker) -> Path:
        """Return the file with its output; see ``Launcher.log_file``."""
        return self._find(worker)[1]

    def _find(self, worker: Worker) -> tuple[subprocess.Popen[bytes], Path]:
        with self._lock:
            found = self._running.get(worker.identifier)
        if found is None:
            raise NotFoundError(f"This launcher started no worker {worker.name} ({worker.identifier}).")
        return found


def worker_environment(environ: Mapping[str, str], spec: WorkerSpec) -> dict[str, str]:
    """Return the environment of a worker: what is inherited, its share of the machine, and what the spec sets.

    OMP_NUM_THREADS and MKL_NUM_THREADS are 1: a process that forks trials must not have started threads; the trials
    raise it to NASCORE_THREADS. Without devices CUDA_VISIBLE_DEVICES stays as it is inherited. Threads that wait for
    each other sleep instead of spinning, unless the user wants it otherwise: where other programs use the cores as
    well, they would spin most of the time.
    """
    inherited = {name: value for name, value in environ.items() if not _is_withheld(name)}
    devices = {"CUDA_VISIBLE_DEVICES": ",".join(spec.devices)} if spec.devices else {}
    return {
        "PYTHONUNBUFFERED": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        **inherited,
        "NASCORE_WORKER": spec.name,
        "NASCORE_THREADS": str(spec.threads),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        **devices,
        **spec.environment,
    }


def _is_withheld(name: str) -> bool:
    return name in _OWN or is_secret(name)


def _program(spec: WorkerSpec, environment: Mapping[str, str]) -> str:
    if not spec.folder.is_dir():
        raise InvalidInputError(f"worker {spec.name}: there is no folder {spec.folder} to run in.")
    asked = spec.command[0]
    local = str(spec.folder / asked) if os.sep in asked else asked
    program = shutil.which(local, path=environment.get("PATH"))
    if program is None:
        raise InvalidInputError(
            f"worker {spec.name}: the program {asked!r} is not found or cannot be executed.",
            hint="Check its spelling and PATH, or give its absolute path.",
        )
    return str(Path(program).absolute())


def _log(spec: WorkerSpec) -> BinaryIO:
    try:
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        return spec.log_file.open("ab")
    except OSError as error:
        raise InvalidInputError(
            f"worker {spec.name}: the log file {spec.log_file} cannot be written ({error.strerror})."
        ) from None


def _keep(
    command: tuple[str, ...], spec: WorkerSpec, environment: dict[str, str], log: BinaryIO
) -> subprocess.Popen[bytes]:
    arguments = (sys.executable, "-I", "-S", str(_KEEPER), str(os.getpid()), *command)
    try:
        return subprocess.Popen(
            arguments,
            cwd=spec.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ExhaustedResourceError(
            f"worker {spec.name}: no process could be started ({error.strerror}).",
            hint="Run fewer workers in parallel, or raise the limits (ulimit -u, -n).",
        ) from None


def _hang_up(keeper: subprocess.Popen[bytes]) -> None:
    """Close the pipe, whose end tells a keeper that still runs to use force."""
    if keeper.stdin is not None:
        with contextlib.suppress(OSError):
            keeper.stdin.close()


def _status(code: int | None) -> WorkerStatus:
    if code is None:
        return WorkerStatus(WorkerState.RUNNING)
    if code < 0:
        return WorkerStatus(WorkerState.SIGNALED, signal=-code)
    return WorkerStatus(WorkerState.EXITED, code=code)
