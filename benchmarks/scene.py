"""The scene of a benchmark: the search space, and a server of ours that is started, found, filled, killed and ended."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nascore.client import Client
from nascore.errors import NotFoundError
from nascore.journal import read_holder
from nascore.space import Candidate, OneOf, SearchSpace

LABELS = tuple(f"choice{index:02}" for index in range(28))
KEYS = ("a", "b", "c", "d", "e")
SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in KEYS)) for label in LABELS))
START_S = 120.0
SAID = "server.txt"


@dataclass(frozen=True, slots=True)
class Place:
    """A running server.

    Attributes:
        database: Its log.
        address: Where it listens.
        token_file: The token for it.
        pid: Its process.
    """

    database: Path
    address: str
    token_file: str
    pid: int

    @classmethod
    def find(cls, database: Path) -> Place:
        """Return the server that holds a log (named by the file, or by any folder above just one).

        Raises:
            SystemExit: Nobody serves it.
        """
        files = [database] if database.is_file() else sorted(database.glob("**/log.db"))
        for file in files:
            holder = read_holder(file)
            if holder is not None and holder.address:
                return cls(file, holder.address, holder.token_file, holder.pid)
        raise SystemExit(f"{database}: nobody serves it.")

    @property
    def token(self) -> str:
        """The token itself."""
        return Path(self.token_file).read_text().strip()

    @property
    def experiment(self) -> str:
        """The id of the experiment."""
        return self.database.parent.name

    def finished(self) -> int:
        """Return how many finished trials the log holds."""
        with closing(sqlite3.connect(f"{self.database.absolute().as_uri()}?mode=ro", uri=True)) as log:
            return int(log.execute("SELECT count(*) FROM events WHERE kind = 'finished'").fetchone()[0])


@contextmanager
def folder() -> Iterator[Path]:
    """Give a fresh folder on the disk that the project lies on: temporary ones may lie in memory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        yield Path(name)


@contextmanager
def serving(home: Path, *, tuner: str = "random") -> Iterator[Place]:
    """Run `nascore serve` on a fresh database, or `nascore resume` where there is one already."""
    server = started(home, tuner=tuner)
    try:
        yield wait(home, server)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def started(home: Path, *, tuner: str = "random") -> subprocess.Popen[bytes]:
    """Start a server, of the experiment that is there already if there is one."""
    space = home / "space.json"
    space.write_text(SPACE.to_json())
    is_old = next(home.glob("experiments/*/log.db"), None) is not None
    fresh = ["serve", "--tuner", tuner, "--space", str(space), "--seed", "1", "-q"]
    verb = ["resume", "last", "-q"] if is_old else fresh
    environment = {**os.environ, "NASCORE_HOME": str(home)}
    with (home / SAID).open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "nascore", *verb], cwd=home, env=environment, stdout=said, stderr=said
        )


def wait(home: Path, server: subprocess.Popen[bytes]) -> Place:
    """Wait until a server can be found.

    Raises:
        SystemExit: It ended, or was not there in time.
    """
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        for database in home.glob("experiments/*/log.db"):
            holder = read_holder(database)
            if holder is not None and holder.address and holder.pid == server.pid:
                place = Place(database, holder.address, holder.token_file, holder.pid)
                _await_experiment(place)
                return place
        time.sleep(0.002)
    raise SystemExit(f"The server did not start: {(home / SAID).read_text()}")


def _await_experiment(place: Place) -> None:
    """Wait until the server knows the experiment: it listens a little earlier."""
    with Client(place.address, token_file=place.token_file) as client:
        end = time.monotonic() + START_S
        while True:
            try:
                client.get(place.experiment)
                return
            except NotFoundError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
