"""The workers of a torture: processes that are replaced, under a new name, when they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from nascore.testing.torture.plan import Plan

OUTPUT = "workers.txt"


class Crew:
    """So many worker processes; a context manager that ends them.

    Attributes:
        troubles: How workers ended that nobody had killed.

    Args:
        plan: How many, and how they behave.
        folder: Where their histories and their output go.
        variables: Environment that leads them to the server.
    """

    def __init__(self, plan: Plan, folder: Path, variables: dict[str, str]) -> None:
        self.troubles: list[str] = []
        self._plan, self._folder = plan, folder
        self._environment = {**os.environ, **variables, "PYTHONWARNINGS": "ignore"}
        self._begun = 0
        self._workers: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        for _ in range(self._plan.workers):
            self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers.values():
            worker.kill()
            worker.wait()

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of living workers."""
        return tuple(pid for pid, worker in self._workers.items() if worker.poll() is None)

    def replace(self, pid: int) -> None:
        """Begin a new worker for one that was killed."""
        self._workers.pop(pid).wait()
        self._begin()

    def mend(self) -> None:
        """Begin new workers for those that ended by themselves, which is trouble while the search goes on."""
        for pid, worker in tuple(self._workers.items()):
            if worker.poll() is not None:
                self._note(pid, worker.wait())
                self.replace(pid)

    def wait(self, patience_s: float) -> None:
        """Wait until all have ended by themselves, because the search has."""
        deadline = time.monotonic() + patience_s
        for pid, worker in self._workers.items():
            try:
                code = worker.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.troubles.append(f"Worker process {pid} did not end within {patience_s:g} s of the search's end.")
            else:
                if code:
                    self._note(pid, code)

    def _note(self, pid: int, code: int) -> None:
        lines = (self._folder / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
        self.troubles.append(f"Worker process {pid} ended with exit code {code}: {lines[-1] if lines else ''}")

    def _begin(self) -> None:
        self._begun += 1
        name = f"worker-{self._begun}"
        command = [sys.executable, "-m", f"{__package__}.worker", name, str(self._plan.seed * 1_000_003 + self._begun)]
        with (self._folder / OUTPUT).open("ab") as output:
            worker = subprocess.Popen(
                [*command, str(self._folder), self._plan.habits.to_json()],
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        self._workers[worker.pid] = worker
