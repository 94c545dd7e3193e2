"""A server of weights is killed again and again while clients put, get, push, release and collect, all at once.

What it acknowledged is there, all of it, and is what was put; no reader sees half of anything.
"""

import os
import random
import socket
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nascore.client import Client
from nascore.client.live_table import LiveTable, array_taker
from nascore.client.live_tables import LiveTableCalls
from nascore.client.weights import Weights, direct
from nascore.errors import NascoreError, NotFoundError, UnavailableError
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.live import Share, Slot, Terms

TOKEN = "a-token-of-the-tests"
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
    ("weights.removing", 2),
    ("weights.after_dying", 2),
    ("weights.before_unlink", 4),
    ("weights.after_unlink", 4),
)


SLOTS = (Slot("a", "F32", (7,)), Slot("b", "F32", (100_000,)))
MOST_KEPT = 40


def tensors_of(trial: int) -> dict[str, TensorData]:
    """Return what a trial puts."""
    rng = np.random.default_rng(trial)
    large = int(rng.choice((30_000, 700_000)))
    return {
        "small": TensorData("U8", (100,), rng.bytes(100)),
        "shared": TensorData("U8", (90_000,), bytes([trial % 3]) * 90_000),
        "large": TensorData("F32", (large,), rng.bytes(4 * large)),
    }


def shares(value: float) -> list[Share]:
    """Return one value for each element of the table."""
    return [
        Share(index, np.full(slot.shape, value, np.float32).view(np.uint8).data) for index, slot in enumerate(SLOTS)
    ]


def fault_in(trial: int, found: Mapping[str, TensorData]) -> str:
    """Return which tensor is not what the trial has put; empty if all are."""
    wanted = tensors_of(trial)
    if found.keys() != wanted.keys():
        return f"trial {trial} has {sorted(found)}"
    return next((f"{key} of trial {trial}" for key in wanted if bytes(found[key].data) != wanted[key].data), "")


def is_torn(arrays: Iterable[np.ndarray[Any, Any]]) -> bool:
    """Whether some elements have been added to more often than others."""
    return len({float(value) for array in arrays for value in (array.min(), array.max())}) > 1


class Crew:
    """Threads that use a server that comes and goes, and what they were told.

    Attributes:
        kept: Checkpoints that were acknowledged, and whose release nobody has asked for.
        wrong: What must not have happened.
        snapshots: Those of the table that were acknowledged.
    """

    def __init__(self, address: str, *, seed: int) -> None:
        self.kept: set[str] = set()
        self.snapshots: set[str] = set()
        self.collections = 0
        self.wrong: list[str] = []
        self._address = address
        self._is_over = threading.Event()
        steps = (self._put, self._put, self._read, self._collect, self._push)
        self._threads = [
            threading.Thread(target=self._work, args=(step, seed * 10 + number)) for number, step in enumerate(steps)
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
            is_near = bool(seed % 2)
            ways = [
                Weights.of(client, experiment="e", is_folder_shared=is_near, is_direct=way) for way in (True, False)
            ]
            while not self._is_over.is_set():
                try:
                    step(rng.choice(ways), client, rng)
                except UnavailableError:
                    continue
                except NascoreError as error:
                    self.wrong.append(f"{step.__name__}: {type(error).__name__}: {error}")
                    return

    def _put(self, weights: Weights, _: Client, rng: random.Random) -> None:
        trial = rng.randrange(100_000)
        self.kept.add(weights.put(tensors_of(trial), trial=trial, metrics={"loss": rng.random()}, name="last"))

    def _read(self, weights: Weights, _: Client, rng: random.Random) -> None:
        listed = weights.checkpoints(experiment="e", limit=1000).checkpoints
        for one in rng.sample(listed, min(3, len(listed))):
            is_kept = one.checkpoint in self.kept
            try:
                found = weights.get(one.checkpoint)
            except NotFoundError as error:
                if is_kept and one.checkpoint in self.kept:
                    self.wrong.append(f"{error}")
                continue
            if fault := fault_in(one.trial, found):
                self.wrong.append(fault)

    def _collect(self, weights: Weights, _: Client, rng: random.Random) -> None:
        doomed = rng.randrange(100_000)
        known = weights.put(tensors_of(doomed), trial=doomed, experiment="doomed")
        weights.release(known)
        if len(self.kept) > MOST_KEPT and (old := rng.choice(sorted(self.kept))) != self._last(weights):
            self.kept.discard(old)
            weights.release(old)
        weights.collect()
        self.collections += 1

    def _last(self, weights: Weights) -> str:
        return weights.reference("e", "last").checkpoint

    def _push(self, _: Weights, client: Client, rng: random.Random) -> None:
        table = LiveTable(LiveTableCalls(client.connection), "live", "t", worker="w", slots=SLOTS, terms=Terms())
        found = [np.full(slot.shape, -1.0, np.float32) for slot in SLOTS]
        with suppress(NotFoundError):  # The table went with its server, and is opened again.
            table.open(lambda: shares(0.0))
            while not self._is_over.is_set():
                table.push(shares(1.0))
                table.version = 0
                table.pull(array_taker(found))
                if is_torn(found):
                    self.wrong.append("a pull shows half a push")
                if rng.random() < 0.2:
                    self.snapshots.add(table.snapshot().checkpoint)


def free_port() -> int:
    """Return a port that the system gives to nobody by itself, so that it is still free when a server comes back."""
    first = 20_000 + os.getpid() % 10_000
    for port in (*range(first, 30_000), *range(20_000, first)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def killed(servers, tmp_path: Path, kills: int, *, seed: int) -> Crew:
    """Kill a server so often, and look after each time whether anything is missing or is not what was put."""
    rng = random.Random(seed)
    folder, address = tmp_path / "weights", f"127.0.0.1:{free_port()}"
    with Crew(address, seed=seed) as crew:
        for number in range(kills):
            place, often = rng.choice(PLACES) if rng.random() < 0.5 else ("", 1)
            failpoint = f"{place}=kill@{rng.randrange(often) + 1}" if place else ""
            servers.begin(folder, address, failpoint=failpoint)
            if not servers.has_died(within_s=5.0 if place else rng.uniform(0.05, 0.5)):
                servers.kill()
            check(folder, crew, rng, when=f"after kill {number} at {failpoint or 'some moment'}")
    return crew


def check(folder: Path, crew: Crew, rng: random.Random, *, when: str) -> None:
    """Look at the folder of a dead server as it lies there."""
    kept, snapshots = set(crew.kept), set(crew.snapshots)
    store = DirectoryStore(folder)
    assert store.verify() == (), when
    listed = set(store.list())
    # The one that is asked to be released at this moment may or may not be.
    assert kept & crew.kept <= listed, f"lost {when}"
    assert snapshots <= listed, f"a snapshot is lost {when}"
    for checkpoint in rng.sample(sorted(listed - snapshots), min(5, len(listed - snapshots))):
        trial, found = store.manifest(checkpoint).trial, store.get(checkpoint)
        if found.keys() != {slot.key for slot in SLOTS}:  # A snapshot that was not acknowledged.
            assert fault_in(trial, found) == "", when
    for checkpoint in rng.sample(sorted(snapshots), min(2, len(snapshots))):
        arrays = [np.frombuffer(tensor.data, np.float32) for tensor in store.get(checkpoint).values()]
        assert not is_torn(arrays), f"half a push in a snapshot {when}"
    store.close()
    assert crew.wrong == [], when


@pytest.fixture(autouse=True)
def _little_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever may go over direct connections go there, however little it is."""
    monkeypatch.setattr(direct, "WORTH", 0)


def test_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path, weight_servers) -> None:
    killed(weight_servers, tmp_path, 3, seed=1)


@pytest.mark.parametrize("experiment", ["", "e"])
def test_a_release_that_was_done_by_a_server_that_died_is_done(tmp_path: Path, weight_servers, experiment: str) -> None:
    folder, address = tmp_path / "weights", f"127.0.0.1:{free_port()}"
    with closing(DirectoryStore(folder)) as store:
        checkpoint = store.put(tensors_of(0), trial=0, experiment="e")
    weight_servers.begin(folder, address, failpoint="weights.after_index=kill@1")
    with ThreadPoolExecutor(1) as caller, Client(address, token=TOKEN, patience_s=60, timeout_s=60) as client:
        weights = Weights.of(client)
        released = caller.submit(weights.release, checkpoint, experiment=experiment)
        assert weight_servers.has_died(within_s=60)
        weight_servers.begin(folder, address)
        assert released.result() is None
        with pytest.raises(NotFoundError):
            weights.release("0" * 32, experiment=experiment)
        weights.close()
    weight_servers.kill()
    with closing(DirectoryStore(folder)) as store:
        assert store.list() == ()
        assert [line.count(b"release") for line in (folder / "log.jsonl").read_bytes().splitlines()] == [0, 0, 1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_server_killed_a_hundred_times_loses_nothing_that_it_acknowledged(tmp_path: Path, weight_servers) -> None:
    crew = killed(weight_servers, tmp_path, 100, seed=2)
    assert crew.kept
    assert crew.snapshots
    assert crew.collections
