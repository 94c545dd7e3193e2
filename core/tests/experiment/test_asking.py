"""Tuner or server killed at any place of a question: the search goes on as if nothing had happened."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from nascore.errors import TunerCrashedError
from nascore.experiment import Experiments, archive, snapshots
from nascore.experiment.state import history
from nascore.experiment.transitions import rebuilt
from nascore.journal import Holder
from nascore.journal.sqlite_journal import SqliteJournal
from nascore.record import Asked, EndReason, ExperimentSpec, LeaseStatus, TrialState
from nascore.tuner import HostLimits, LocalSession, Plugins, Setup
from nascore.tuner.address import connect

KILLED_AT = Path(__file__).with_name("killed_at.py")
TRIALS = 24

TUNER = "regularized-evolution"

needs_evolution = pytest.mark.skipif(
    TUNER not in Plugins("nascore.tuners").names(), reason="the plugin nas-evolution is not installed"
)


async def in_process(name, history, on_trouble):
    return LocalSession(Plugins("nascore.tuners").load(name))


def score(architecture):
    return sum(map(ord, "".join(architecture.values()))) % 31 / 31


def hosts():
    return {each for each in psutil.Process().children(recursive=True) if "nascore.tuner.host" in command_of(each)}


def command_of(process):
    with suppress(psutil.Error):  # It has ended since it was listed.
        return process.cmdline()
    return []


@needs_evolution
async def test_killed_tuner_of_two_workers_continues_the_same_sequence(world_type, tmp_path, space, monkeypatch):
    """The workers' trials end out of order, the tuner's state is saved on the way, and its process is killed twice."""
    monkeypatch.setattr(snapshots, "ASKS_A_SNAPSHOT", 8)
    troubles = []
    others = hosts()

    async def supervised(name, history, on_trouble):
        def note(trouble):
            troubles.append(trouble)
            on_trouble(trouble)

        return await connect(name, history=history, limits=HostLimits(backoff_s=0.01), on_trouble=note)

    found = []
    for name, connector in (("host", supervised), ("local", in_process)):
        world = world_type(tmp_path / f"{name}.db")
        world.connect = connector
        experiments = await Experiments.open(world.database, holder=Holder(1, "h"), connect=connector)
        world.opened.append(experiments)
        spec = ExperimentSpec(TUNER, seed=5, space=space, settings={"population_size": 8, "sample_size": 3})
        engine = await experiments.create(spec, request_id="c")
        held = [await world.take(engine, "w0", max_wait_s=30)]
        for number in range(1, 40):
            held.append(await world.take(engine, f"w{number}", max_wait_s=30))
            lease = held.pop(number * 7 % 3 % 2)
            await world.done(engine, lease, score(lease.proposal.architecture), f"w{lease.trial}")
            while engine._conversation._saver is not None:  # So that both searches save at the same places.
                await asyncio.sleep(0.001)
            if connector is supervised and number in (5, 25):
                for host in hosts() - others:
                    os.kill(host.pid, signal.SIGKILL)
        assert engine.record().counts[TrialState.SUCCEEDED] == 39
        found.append([trial.proposal for trial in engine.trials()])
        await experiments.close()
    assert found[0] == found[1]
    assert len(troubles) == 2


def searched(database, *, workers, rules):
    """Search to the end, killed at the same place of each life; returns the number of lives."""
    command = [sys.executable, KILLED_AT, database, workers, TRIALS, rules]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, timeout=100, check=True)
    return int(done.stdout)


def proposals(database):
    return [trial.proposal for trial in archive.load_database(database).trials]


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    database = tmp_path_factory.mktemp("calm") / "log.db"
    assert searched(database, workers=1, rules="") == 1
    return proposals(database)


PLACES = [
    "ask.before_commit=kill@4",  # The tuner has answered, and nobody knows it.
    "journal.before_commit=kill@9",
    "journal.after_commit=kill@9",  # Known to the disk, and to nobody else.
    "snapshot.before_save=kill@2",
    "snapshot.after_save=kill@2",
    "tuner.after_ask=kill@5",
]


QUICK = (PLACES[0], PLACES[2])


@pytest.mark.parametrize(
    "place", [pytest.param(place, marks=[] if place in QUICK else pytest.mark.slow) for place in PLACES]
)
def test_server_killed_at_a_place_of_a_question_continues_the_same_sequence(tmp_path, calm, place):
    assert searched(tmp_path / "log.db", workers=1, rules=place) > 1
    assert proposals(tmp_path / "log.db") == calm


@pytest.mark.parametrize("place", [PLACES[0], pytest.param(PLACES[1], marks=pytest.mark.slow)])
async def test_log_of_several_workers_and_kills_is_what_one_uninterrupted_tuner_says(tmp_path, place, killed_at):
    database = tmp_path / "log.db"
    assert searched(database, workers=3, rules=place) > 1
    journal = await SqliteJournal.open(database)
    (identifier,) = await journal.experiments()
    state = rebuilt(identifier, await journal.read(identifier))
    await journal.close()
    session = LocalSession(killed_at.Keeping)
    spec = state.known_spec
    await session.open(Setup(spec.space, spec.objectives, spec.seed), {})
    story = list(history(state, told_through=state.asked[-1].told_through))
    assert await session.replay(story) == ()
    assert sum(isinstance(event, Asked) for event in story) == len(state.trials) >= TRIALS


@pytest.fixture
def killed_at(monkeypatch):
    monkeypatch.syspath_prepend(str(KILLED_AT.parent))
    import killed_at  # noqa: PLC0415  # needs the path above

    return killed_at


def falling(climber, *, at):
    class Falling(climber):
        """Raises whenever it is asked for one proposal."""

        def ask(self, number, seed):
            if number == at:
                raise RuntimeError("bad luck")
            return super().ask(number, seed)

    return Falling


async def test_tuner_that_fails_at_one_trial_again_and_again_ends_the_experiment_with_its_sentence(world):
    world.tuner = falling(world.tuner, at=2)
    engine = await world.begin()
    for _ in range(2):
        await world.done(engine, await world.take(engine))
    for number in range(4):
        with pytest.raises(TunerCrashedError, match="raised RuntimeError in ask of trial 2: bad luck"):
            await engine.lease("w", f"again-{number}")
        assert "bad luck" in engine.record().trouble
    assert (await engine.lease("w", "last")).status is LeaseStatus.ENDED
    record = engine.record()
    assert record.end_reason is EndReason.FAILED
    assert "The tuner failed 5 times in a row" in record.trouble
    assert "Raised in" in record.trouble
    assert record.counts[TrialState.SUCCEEDED] == 2


async def test_tuner_that_is_mended_goes_on_where_it_was(world):
    whole = world.tuner
    world.tuner = falling(world.tuner, at=2)
    engine = await world.begin()
    for _ in range(2):
        await world.done(engine, await world.take(engine))
    with pytest.raises(TunerCrashedError):
        await engine.lease("w", "torn")
    world.tuner = whole
    engine = await world.again()
    assert (await engine.lease("w", "mended")).status is LeaseStatus.GRANTED
    assert [trial.proposal.notes["asked"] for trial in engine.trials()] == [1, 2, 3]
