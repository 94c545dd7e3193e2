"""A server of live tables is killed again and again: no half update is ever seen, and lives begin as was promised."""

import random
import threading
import time

import numpy as np
import pytest
from nascore.client import Client
from nascore.client.live_table import LiveTable, array_taker
from nascore.client.live_tables import LiveTableCalls
from nascore.errors import NascoreError, NotFoundError, UnavailableError
from nascore.weights import DirectoryStore
from nascore.weights.live import Share, Slot, Terms

TOKEN = "a-token-of-the-tests"
SLOTS = (Slot("a", "F64", (5,)), Slot("b", "F64", (40_000,)), Slot("c", "F64", (300_000,)))
KILLS = 36


class Worker:
    """Adds one to every element of all tensors, again and again, and sometimes has a snapshot taken."""

    def __init__(self, folder, name, rng):
        self.client = Client(f"unix:{folder}/s", token=TOKEN, patience_s=30, timeout_s=30)
        self.table = LiveTable(
            LiveTableCalls(self.client.connection), "e", "t", worker=name, slots=SLOTS, terms=Terms()
        )
        self.rng = rng
        self.is_over = threading.Event()
        self.torn = []
        self.lost = 0
        self.pushed = 0
        self.begun = []  # What each life began with, as seen when the table was opened again.
        self.thread = threading.Thread(target=self.work)

    def work(self):
        self.open()
        while not self.is_over.is_set():
            try:
                self.table.push(self.ones())
                self.pushed += 1
                self.look()
                if self.rng.random() < 0.2:
                    self.table.snapshot()
            except NotFoundError:
                self.lost += 1
                self.open()
            except UnavailableError:
                time.sleep(0.01)

    def open(self):
        while not self.is_over.is_set():
            try:
                self.table.open(lambda: self.ones(0.0))
                self.begun.append(self.look())
                return
            except (NotFoundError, UnavailableError):
                time.sleep(0.01)

    def look(self):
        found = [np.full(slot.shape, -1.0) for slot in SLOTS]
        self.table.version = 0
        self.table.pull(array_taker(found))
        values = {float(value) for array in found for value in (array.min(), array.max())}
        if len(values) != 1:
            self.torn.append(values)
        return values.pop()

    def ones(self, value=1.0):
        return [Share(i, np.full(s.shape, value).view(np.uint8).data) for i, s in enumerate(SLOTS)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_leave_no_half_update_and_no_half_snapshot(tmp_path_factory, weight_servers):
    folder = tmp_path_factory.mktemp("s")
    rng = random.Random(7)
    begin(weight_servers, folder)
    workers = [Worker(folder, f"w{number}", random.Random(number)) for number in range(3)]
    for worker in workers:
        worker.thread.start()
    for _ in range(KILLS):
        wait_for_pushes(workers)
        time.sleep(rng.uniform(0.0, 0.3))
        weight_servers.kill()
        begin(weight_servers, folder)
    for worker in workers:
        worker.is_over.set()
    for worker in workers:
        worker.thread.join(60)
        worker.client.close()
    weight_servers.kill()
    assert not any(worker.torn for worker in workers)
    assert sum(worker.lost for worker in workers) >= KILLS / 2
    assert all(worker.pushed for worker in workers)
    assert_snapshots_are_whole(folder / "weights")


def begin(servers, folder):
    servers.begin(folder / "weights", f"unix:{folder}/s")


def wait_for_pushes(workers):
    before = sum(worker.pushed for worker in workers)
    while sum(worker.pushed for worker in workers) < before + 3:
        time.sleep(0.01)


def assert_snapshots_are_whole(folder):
    store = DirectoryStore(folder)
    assert store.verify() == ()
    checkpoints = store.list()
    assert checkpoints
    for checkpoint in checkpoints:
        tensors = store.get(checkpoint)
        values = {value for tensor in tensors.values() for value in np.frombuffer(tensor.data, np.float64)}
        assert len(values) == 1
    assert store.reference("e", "live/t").checkpoint in checkpoints
    store.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_life_begins_with_the_last_snapshot_that_was_acknowledged(tmp_path_factory, weight_servers):
    folder = tmp_path_factory.mktemp("s")
    worker = Worker(folder, "w", random.Random(1))
    expected = 0.0
    for _ in range(5):
        begin(weight_servers, folder)
        while True:
            try:
                worker.table.open(lambda: worker.ones(0.0))
                break
            except NascoreError:
                time.sleep(0.01)
        assert worker.look() == expected
        worker.table.push(worker.ones(2.0))
        worker.table.snapshot()
        expected += 2.0
        worker.table.push(worker.ones(1.0))  # After the snapshot: lost with the table.
        weight_servers.kill()
    worker.client.close()
