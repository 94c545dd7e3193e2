"""kill -9 of a real server and of its tuner host, at random moments, under real workers: nothing is lost or doubled."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from nascore.client import Client
from nascore.experiment import Experiments, archive
from nascore.journal import Holder
from nascore.journal.sqlite_schema import connect_for_reading, stored_entries
from nascore.record import EndReason, ExperimentSpec, LeaseStatus, Limits, Outcome, OutcomeStatus, TrialState
from nascore.space import SearchSpace
from nascore.testing import choice
from nascore.tuner import LocalSession, Plugins

TUNER = "regularized-evolution"
SCRIPT = Path(__file__).with_name("tortured.py")
TOKEN = "a-token-of-the-tests"
LEASE_S = 0.4
SPACE = SearchSpace(tuple(choice(label, *"abcdefgh") for label in "xyz"))
SPEC = ExperimentSpec(
    TUNER,
    {"population_size": 20, "sample_size": 5},
    seed=5,
    space=SPACE,
    limits=Limits(lease_s=LEASE_S, max_attempts=1000),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TUNER not in Plugins("nascore.tuners").names(), reason="nas-evolution is not installed"),
]


class Torture:
    """A server that is killed and started again."""

    def __init__(self, folder, address):
        self.database, self.address = folder / "log.db", address
        self.server = self._start("server", str(self.database), address)

    @staticmethod
    def _start(*arguments, **options):
        return subprocess.Popen([sys.executable, "-W", "ignore", str(SCRIPT), *arguments], **options)

    def workers(self, count, output):
        return self._start("workers", self.address, str(count), stdout=output)

    def kill_server(self):
        self.server.kill()
        self.server.wait()
        self.server = self._start("server", str(self.database), self.address)

    def kill_host(self):
        for child in hosts(self.server.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()

    def end(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()


def hosts(server):
    with contextlib.suppress(psutil.NoSuchProcess):
        return [
            child for child in psutil.Process(server).children(recursive=True) if "nascore.tuner.host" in line(child)
        ]
    return []


def line(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def tortured(folder, address, *, workers, kills, seed):
    """Run a search with so many kills, then let it end; returns what was acknowledged: (number, epoch, accuracy)."""
    rng = random.Random(seed)
    torture = Torture(folder, address)
    try:
        with Client(address, token=TOKEN, patience_s=30) as client, (folder / "said").open("wb") as said:
            client.wait_until_serving(30)
            client.create(SPEC, request_id="create")
            working = torture.workers(workers, said)
            time.sleep(1.0)
            for _ in range(kills):
                time.sleep(rng.uniform(0.0, 1.4))
                rng.choice([torture.kill_server, torture.kill_host])()
            done = client.get("last").counts[TrialState.SUCCEEDED]
            client.update("last", limits=Limits(max_trials=done + 50))
            assert working.wait(60) == 0
            assert client.get("last").counts[TrialState.RUNNING] == 0
            family = hosts(torture.server.pid)
    finally:
        torture.end()
        with contextlib.suppress(UnboundLocalError):
            working.kill()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    words = (folder / "said").read_text().splitlines()
    return [(int(number), int(epoch), float(value)) for _, number, epoch, value in map(str.split, words)]


def finished(database):
    with closing(connect_for_reading(database)) as connection:
        identifier = connection.execute("SELECT id FROM experiments").fetchone()[0]
        entries = stored_entries(connection, identifier)
    return [json.loads(entry.payload) for entry in entries if entry.kind == "finished"]


def test_every_acknowledged_finish_is_there_once_with_its_value(tmp_path, short_path):
    said = tortured(tmp_path, f"unix:{short_path}", workers=4, kills=20, seed=1)
    archived = archive.load_database(tmp_path / "log.db")
    assert archived.record.end_reason is EndReason.TRIALS
    assert archived.record.counts[TrialState.RUNNING] == 0
    logged = finished(tmp_path / "log.db")
    assert max(Counter(event["trial"] for event in logged).values()) == 1
    assert max(Counter(number for number, _, _ in said).values()) == 1
    for number, epoch, accuracy in said:
        trial = archived.trials[number]
        assert trial.state is TrialState.SUCCEEDED, number
        assert trial.outcome.metrics == {"accuracy": accuracy, "epoch": epoch}
    # Each outcome comes from who held the trial when it ended, never from a zombie.
    assert all(event["epoch"] == archived.trials[event["trial"]].epoch for event in logged)
    assert all(event["outcome"]["metrics"]["epoch"] == event["epoch"] for event in logged)
    assert max(trial.epoch for trial in archived.trials) > 1
    # Whatever is not final waits for a worker; its number is bounded by those who asked at the end.
    assert archived.record.counts[TrialState.QUEUED] <= 8


async def uninterrupted(database, count):
    async def local(name, history, on_trouble):
        return LocalSession(Plugins("nascore.tuners").load(name))

    experiments = await Experiments.open(database, holder=Holder(os.getpid(), "here"), connect=local)
    engine = await experiments.create(SPEC, request_id="create")
    for number in range(count):
        answer = await engine.lease("w", f"lease-{number}")
        assert answer.status is LeaseStatus.GRANTED
        architecture = answer.lease.proposal.architecture
        accuracy = sum(map(ord, architecture.fingerprint)) % 997 / 997
        outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy})
        await engine.finish("w", number, answer.lease.epoch, f"finish-{number}", outcome=outcome)
    found = [trial.proposal for trial in engine.trials()]
    await experiments.close()
    return found


async def test_one_worker_gets_the_proposals_of_an_uninterrupted_search(tmp_path, short_path):
    tortured(tmp_path, f"unix:{short_path}", workers=1, kills=12, seed=2)
    found = [trial.proposal for trial in archive.load_database(tmp_path / "log.db").trials]
    assert found == await uninterrupted(tmp_path / "calm.db", len(found))
