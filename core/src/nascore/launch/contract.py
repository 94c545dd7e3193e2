"""The contract of a launcher: subclass ``Launcher`` to run workers somewhere else (a cluster, a queue, a cloud).

A launcher starts, polls and stops worker processes, and says where their output is. It knows nothing of experiments
and trials. Not here: what runs on this machine (``nascore.launch.local``), and how many workers fit
(``nascore.launch.plan``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from nascore.errors import InvalidInputError


class WorkerState(StrEnum):
    """Whether a worker runs, and if not, how it ended."""

    RUNNING = "running"
    EXITED = "exited"
    SIGNALED = "signaled"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Where a worker stands.

    Attributes:
        state: Running, exited by itself, or ended by a signal.
        code: Its exit code, if it exited; else ``None``.
        signal: The number of the signal, if one ended it; else ``None``.
    """

    state: WorkerState
    code: int | None = None
    signal: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return self.state is WorkerState.RUNNING

    def __str__(self) -> str:
        if self.state is WorkerState.EXITED:
            return f"exited with code {self.code}"
        return f"ended by signal {self.signal}" if self.state is WorkerState.SIGNALED else "running"


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What to run.

    Attributes:
        name: Name of the worker ("worker-0"), 1 to 256 characters.
        command: Program and arguments.
        environment: Variables set on top of what the launcher passes on.
        folder: Folder to run in.
        log_file: Receives standard output and error, appended.
        threads: CPU threads that its trials may use.
        devices: GPUs that it sees, as CUDA_VISIBLE_DEVICES takes them; empty to pass on what the launcher sees.

    Raises:
        InvalidInputError: If the name or the command is empty, or threads are fewer than one.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    log_file: Path = field(default_factory=lambda: Path("worker.log"))
    threads: int = 1
    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 256:
            raise InvalidInputError(f"worker: the name {self.name[:40]!r} must have 1 to 256 characters.")
        if not self.command or not self.command[0]:
            raise InvalidInputError(f"worker {self.name}: no command to run.")
        if self.threads < 1:
            raise InvalidInputError(f"worker {self.name}: {self.threads} threads; at least 1 is needed.")


@dataclass(frozen=True, slots=True)
class Worker:
    """A started worker: its name, and the launcher's own identifier (a process id, a job number)."""

    name: str
    identifier: str


class Launcher(ABC):
    """Starts and stops workers. Thread-safe.

    Workers end with the process of the launcher, however that ends; an exception is a launcher whose documentation
    says otherwise.
    """

    @abstractmethod
    def start(self, spec: WorkerSpec) -> Worker:
        """Start a worker and return at once.

        Raises:
            InvalidInputError: If the command or the folder does not exist.
            ExhaustedResourceError: If there is no room for another process.
        """

    @abstractmethod
    def poll(self, worker: Worker) -> WorkerStatus:
        """Return where a worker stands, without waiting; the end of a worker is told again and again.

        Raises:
            NotFoundError: If this launcher did not start it.
        """

    @abstractmethod
    def stop(self, worker: Worker, *, grace_s: float) -> WorkerStatus:
        """Ask a worker to end, wait up to ``grace_s`` seconds, then end it and all its descendants by force.

        Stopping one that has ended is harmless.

        Raises:
            NotFoundError: If this launcher did not start it.
        """

    @abstractmethod
    def log_file(self, worker: Worker) -> Path:
        """Return the file with its output.

        Raises:
            NotFoundError: If this launcher did not start it.
        """

    def stop_all(self, workers: Iterable[Worker], *, grace_s: float) -> tuple[WorkerStatus, ...]:
        """Stop several workers side by side, within one grace, and return where they stand, in order."""
        asked = tuple(workers)
        if not asked:
            return ()
        with ThreadPoolExecutor(max_workers=len(asked)) as pool:
            return tuple(pool.map(lambda worker: self.stop(worker, grace_s=grace_s), asked))
