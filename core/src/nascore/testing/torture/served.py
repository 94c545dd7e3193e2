"""The server of a torture: `nascore serve` in a process of its own, taken up by `nascore resume` after each death."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from nascore.client import Client
from nascore.errors import NascoreError, UnavailableError
from nascore.experiment import DATABASE_NAME
from nascore.journal import Location, parse_location
from nascore.record import Limits
from nascore.testing.killing import descendants
from nascore.testing.torture.plan import Plan, Plant

HOST_MARK = "nascore.tuner.host"
_EXPORT = "export "
_SHOWN_LINES = 5
_PATIENCE_S = 30.0
_MANY_ATTEMPTS = 1_000_000


class ServedSearch:
    """A server that may be killed at any moment and is started again on the same database and address.

    Attributes:
        folder: Holds the home of the experiment and the server's output.
        variables: The environment that workers are told, once it serves.
        hosts: Process ids of all tuner hosts that were seen.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.hosts: set[int] = set()
        self._plan = plan
        self._stack = ExitStack()
        # The path of a Unix socket must be short; that of the folder need not be.
        self._address = f"unix:{self._stack.enter_context(tempfile.TemporaryDirectory(prefix='nk'))}/s"
        self._output = folder / "server.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._stack.close()

    def _begin(self) -> None:
        space = self.folder / "space.json"
        space.write_text(self._plan.space.to_json(), encoding="utf-8")
        settings = [f"--set={name}={value}" for name, value in self._plan.tuner_settings().items()]
        self._start(
            *("serve", "--tuner", self._plan.tuner, *settings, "--space", str(space)),
            *("--seed", str(self._plan.seed), "--address", self._address, "--quiet"),
        )
        self._await_variables()
        self._limit(Limits(lease_s=self._plan.lease_s, max_attempts=_MANY_ATTEMPTS))
        if self._plan.workers == 1:
            # A trial that is lost must be begun again before the next one is asked for, or the story is another one.
            self._limit(Limits(max_parallel=1))

    @property
    def experiment(self) -> str:
        """Id of the experiment."""
        return self.variables["NASCORE_EXPERIMENT"]

    @property
    def database(self) -> Location:
        """Where its log is."""
        return parse_location(self._plan.database) if self._plan.database else self._home / DATABASE_NAME

    def pids(self) -> tuple[int, ...]:
        """Return the server's process id; nothing if it does not run."""
        return () if self._process is None or self._process.poll() is not None else (self._process.pid,)

    def host_pids(self) -> tuple[int, ...]:
        """Return the process ids of its tuner hosts."""
        found = descendants(self.pids()[0], mark=HOST_MARK) if self.pids() else ()
        self.hosts.update(found)
        return found

    def revive(self, pid: int) -> None:
        """Start it again after a death."""
        assert self._process is not None
        self._process.wait()
        self._start("resume", self.experiment, "--quiet")

    def is_serving(self, killed: int = 0) -> bool:
        """Whether it answers that it serves; who was killed before does not matter."""
        try:
            with Client(self._address, patience_s=0, timeout_s=2) as client:
                client.wait_until_serving(0.1)
        except NascoreError:
            return False
        return True

    def admin(self) -> Client:
        """Return a client that may do everything; its token is good until the server's next death."""
        return Client(self._address, token_file=self._home / "token", patience_s=_PATIENCE_S)

    def let_end(self, trials: int) -> None:
        """Let the search end after so many trials."""
        self._limit(Limits(max_trials=trials))

    def stop(self) -> int:
        """Let it end by SIGTERM, and return its exit code; one that does not end in time is killed (-9)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(_PATIENCE_S)
        self._process.kill()
        return self._process.wait()

    def output(self) -> str:
        """Return the last of what it printed, less what it tells workers at each start."""
        lines = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join([line for line in lines if not line.startswith(_EXPORT)][-_SHOWN_LINES:])

    @property
    def _home(self) -> Path:
        return self.folder / "home" / "experiments" / self.experiment

    def _start(self, *arguments: str) -> None:
        database = ["--database", self._plan.database] if self._plan.database else []
        module = ["nascore"] if self._plan.plant is Plant.NONE else [f"{__package__}.planted", self._plan.plant.value]
        environment = {**os.environ, "NASCORE_HOME": str(self.folder / "home"), "PYTHONWARNINGS": "ignore"}
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module, *arguments, *database], env=environment, stdout=output, stderr=output
            )

    def _await_variables(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while "NASCORE_FOLDER" not in self.variables:
            if time.monotonic() > deadline or not self.pids():
                raise UnavailableError(f"The server did not begin: {self.output()}")
            time.sleep(0.05)
            lines = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
            exports = [line.removeprefix(_EXPORT) for line in lines if line.startswith(_EXPORT)]
            self.variables = {
                name: shlex.split(value)[0] for name, _, value in (text.partition("=") for text in exports)
            }

    def _limit(self, limits: Limits) -> None:
        with self.admin() as client:
            before = client.get(self.experiment).spec.limits
            if before != (after := replace(before.updated(limits))):
                client.update(self.experiment, limits=after)
