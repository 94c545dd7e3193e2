"""A server of weights is killed again and again while clients put and get: what it acknowledged is there, all of it."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nascore import failpoints
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.errors import NascoreError, UnavailableError
from nascore.weights import DirectoryStore, TensorData

TOKEN = "a-token-of-the-tests"
SERVER = """
import asyncio, os, sys
from nascore import failpoints
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore

async def main(folder, address, token):
    async with serve_weights(DirectoryStore(folder), address=address, token=token):
        sys.stdout.write("up\\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)

failpoints.arm(os.environ[failpoints.VARIABLE])
asyncio.run(main(*sys.argv[1:]))
"""
PLACES = (
    ("weights.before_stage", 30),
    ("weights.before_ready", 12),
    ("weights.after_ready", 12),
    ("weights.before_write", 12),
    ("weights.before_place", 6),
    ("weights.placing", 15),
    ("weights.after_place", 6),
    ("weights.before_log", 6),
    ("weights.after_log", 6),
    ("weights.before_index", 6),
    ("weights.after_index", 6),
)


class Crew:
    """Threads that put and get through a server that comes and goes, and what they were told."""

    def __init__(self, address: str, *, seed: int) -> None:
        self.kept: set[str] = set()
        self.wrong: list[str] = []
        self._address = address
        self._is_over = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._work, args=(self._put, seed * 10 + number)) for number in range(2)),
            threading.Thread(target=self._work, args=(self._read, seed * 10 + 9)),
        ]

    def __enter__(self) -> "Crew":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, step, seed: int) -> None:
        rng = random.Random(seed)
        with Client(self._address, token=TOKEN, patience_s=0.5, timeout_s=10) as client:
            weights = Weights.of(client, experiment="e", is_folder_shared=bool(seed % 2))
            while not self._is_over.is_set():
                try:
                    step(weights, rng)
                except UnavailableError:
                    continue
                except NascoreError as error:
                    self.wrong.append(f"{type(error).__name__}: {error}")
                    return

    def _put(self, weights: Weights, rng: random.Random) -> None:
        large = rng.choice((30_000, 700_000))
        tensors = {
            "small": TensorData("U8", (100,), rng.randbytes(100)),
            "shared": TensorData("U8", (90_000,), bytes([rng.randrange(3)]) * 90_000),
            "large": TensorData("F32", (large,), rng.randbytes(4 * large)),
        }
        self.kept.add(weights.put(tensors, trial=rng.randrange(1000), metrics={"loss": rng.random()}, name="last"))

    def _read(self, weights: Weights, rng: random.Random) -> None:
        listed = weights.checkpoints(experiment="e", limit=1000).checkpoints
        for one in rng.sample(listed, min(3, len(listed))):
            weights.get(one.checkpoint)


@contextmanager
def server(folder: Path, address: str, place: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", SERVER, str(folder), address, TOKEN]
    environ = {**os.environ, failpoints.VARIABLE: place}
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        try:
            yield process
        finally:
            process.kill()


def killed(tmp_path: Path, kills: int, *, seed: int) -> None:
    """Kill a server so often, and look after each time whether anything is missing."""
    rng = random.Random(seed)
    folder, address = tmp_path / "weights", f"unix:{tmp_path}/s"
    with Crew(address, seed=seed) as crew:
        for number in range(kills):
            place, often = rng.choice(PLACES) if rng.random() < 0.7 else ("", 1)
            failpoint = f"{place}=kill@{rng.randrange(often) + 1}" if place else ""
            with server(folder, address, failpoint) as process:
                try:
                    process.wait(5.0 if place else rng.uniform(0.05, 0.6))
                except subprocess.TimeoutExpired:
                    process.kill()
            kept = set(crew.kept)
            store = DirectoryStore(folder)
            assert store.verify() == (), f"after kill {number} at {failpoint}"
            listed = set(store.list())
            assert kept <= listed, f"lost after kill {number} at {failpoint}"
            for checkpoint in rng.sample(sorted(listed), min(5, len(listed))):
                store.get(checkpoint)
            store.close()
            assert crew.wrong == []
        assert crew.kept or kills < 10


def test_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    killed(tmp_path, 3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_server_killed_sixty_times_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    killed(tmp_path, 60, seed=2)
