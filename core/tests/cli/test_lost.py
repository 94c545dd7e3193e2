"""Trials of dead workers, with a real engine, and spools of processes that were really killed."""

import json
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from nascore.cli.lost import deliver, hand_back, write_off
from nascore.experiment import DATABASE_NAME, Engine, Experiments
from nascore.journal import Holder
from nascore.launch import WorkerState, WorkerStatus
from nascore.launch.spool import Spool, spool_folder
from nascore.record import ExperimentSpec, Limits, Outcome, OutcomeStatus, TrialState
from nascore.record.jsonform import outcome_to_json
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.tuner import LocalSession, load_tuner

SPACE = SearchSpace((OneOf("op", (Candidate("a"), Candidate("b"))),))
KILLED = WorkerStatus(WorkerState.SIGNALED, signal=9)


@pytest.fixture
async def engine(tmp_path, invoke) -> AsyncIterator[Engine]:
    async def connect(*_):
        return LocalSession(load_tuner("toy")[0])

    experiments = await Experiments.open(tmp_path / DATABASE_NAME, holder=Holder(1, "here"), connect=connect)
    spec = ExperimentSpec("toy", limits=Limits(max_attempts=2, max_trials=9))
    engine = await experiments.create(spec, request_id="create")
    await engine.register_space("worker-0", SPACE)
    yield engine
    await experiments.close()


async def lease(engine, worker):
    answer = await engine.lease(worker, secrets.token_hex(8), max_wait_s=60)
    return answer.lease


async def test_the_trial_of_a_dead_worker_is_begun_again_with_the_reason_kept_at_last(engine):
    first = await lease(engine, "worker-0")
    other = await lease(engine, "worker-1")
    await write_off(engine, "worker-0", KILLED)
    assert engine.trial(first.trial).state is TrialState.QUEUED
    assert engine.trial(other.trial).state is TrialState.RUNNING
    again = await lease(engine, "worker-0")
    assert (again.trial, again.attempt) == (first.trial, 2)
    await write_off(engine, "worker-0", KILLED)
    ended = engine.trial(first.trial)
    assert ended.state is TrialState.FAILED
    assert ended.outcome.failure.message == "worker-0 ended by signal 9."


async def test_after_a_kill_all_running_trials_are_handed_back_uncounted(engine, tmp_path):
    leases = [await lease(engine, f"worker-{place}") for place in range(2)]
    await hand_back(engine, tmp_path)
    assert [engine.trial(given.trial).state for given in leases] == [TrialState.QUEUED] * 2
    again = await lease(engine, "worker-0")
    assert (again.trial, again.attempt) == (leases[0].trial, 1)


DYING = """
import json, secrets, sys
from pathlib import Path
from nascore import failpoints
from nascore.launch.spool import Parcel, ParcelKind, Spool

folder, experiment, worker, trial, epoch, contents, rule = sys.argv[1:]
spool = Spool(Path(folder), experiment=experiment, worker=worker)
for place, content in enumerate(said := json.loads(contents)):
    if place == len(said) - 1:
        failpoints.arm(rule)
    kind = ParcelKind.REPORT if "step" in content else ParcelKind.OUTCOME
    spool.add(Parcel(kind, secrets.token_hex(16), int(trial), int(epoch), content))
"""


def outcome(**metrics):
    told = outcome_to_json(Outcome(OutcomeStatus.COMPLETED, metrics))
    return {"outcome": told, "checkpoint": "c", "is_retryable": False, "wants_next": True}


def die_before_telling(folder, given, *said, experiment, rule="spool.after_write=kill"):
    """A worker that keeps what it has to say, and is killed before it has told the last of it."""
    words = (str(folder), experiment, "worker-0", str(given.trial), str(given.epoch), json.dumps(said), rule)
    ended = subprocess.run([sys.executable, "-c", DYING, *words], check=False)
    assert ended.returncode == -signal.SIGKILL


async def test_what_a_dead_worker_had_finished_counts(engine, tmp_path):
    given = await lease(engine, "worker-0")
    report = {"step": 1, "metrics": {"accuracy": 0.25}}
    die_before_telling(tmp_path, given, report, outcome(accuracy=0.5), experiment=engine.id)
    await deliver(engine, "worker-0", tmp_path)
    await write_off(engine, "worker-0", KILLED)
    trial = engine.trial(given.trial)
    assert (trial.state, trial.outcome.metrics, trial.attempt) == (TrialState.SUCCEEDED, {"accuracy": 0.5}, 1)
    assert [report.metrics for report in trial.reports] == [{"accuracy": 0.25}]
    spool = Spool(tmp_path, experiment=engine.id, worker="worker-0")
    assert spool.pending == ()
    spool.close()


async def test_what_it_had_not_finished_is_begun_again(engine, tmp_path):
    given = await lease(engine, "worker-0")
    die_before_telling(tmp_path, given, {"step": 1, "metrics": {"accuracy": 0.25}}, experiment=engine.id)
    await deliver(engine, "worker-0", tmp_path)
    await write_off(engine, "worker-0", KILLED)
    assert engine.trial(given.trial).state is TrialState.QUEUED
    assert engine.trial(given.trial).reports == ()


async def test_a_result_that_was_not_wholly_written_is_no_result(engine, tmp_path):
    given = await lease(engine, "worker-0")
    die_before_telling(tmp_path, given, outcome(accuracy=0.5), experiment=engine.id, rule="spool.before_write=kill")
    await deliver(engine, "worker-0", tmp_path)
    await write_off(engine, "worker-0", KILLED)
    assert engine.trial(given.trial).state is TrialState.QUEUED


async def test_a_result_of_a_trial_that_another_worker_has_by_now_is_refused(engine, tmp_path):
    given = await lease(engine, "worker-0")
    die_before_telling(tmp_path, given, outcome(accuracy=0.5), experiment=engine.id)
    await engine.return_lease("worker-0", given.trial, given.epoch, "returned")
    other = await lease(engine, "worker-1")
    assert (other.trial, other.epoch) == (given.trial, given.epoch + 1)
    await deliver(engine, "worker-0", tmp_path)
    trial = engine.trial(given.trial)
    assert (trial.state, trial.worker, trial.epoch) == (TrialState.RUNNING, "worker-1", other.epoch)
    await deliver(engine, "worker-0", tmp_path)


async def test_a_result_that_is_told_again_counts_once(engine, tmp_path):
    given = await lease(engine, "worker-0")
    die_before_telling(tmp_path, given, outcome(accuracy=0.5), experiment=engine.id)
    folder, copy = spool_folder(tmp_path, engine.id, "worker-0"), tmp_path / "copy"
    shutil.copytree(folder, copy)
    await deliver(engine, "worker-0", tmp_path)
    before = engine.record().seq
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    await deliver(engine, "worker-0", tmp_path)
    assert engine.record().seq == before


async def test_after_a_kill_of_all_what_workers_had_finished_counts(engine, tmp_path):
    done, undone = [await lease(engine, f"worker-{place}") for place in range(2)]
    die_before_telling(tmp_path, done, outcome(accuracy=0.5), experiment=engine.id)
    await hand_back(engine, tmp_path)
    assert engine.trial(done.trial).state is TrialState.SUCCEEDED
    assert engine.trial(undone.trial).state is TrialState.QUEUED


async def test_a_worker_that_kept_nothing_leaves_no_folder_behind(engine, tmp_path):
    await lease(engine, "worker-0")
    await deliver(engine, "worker-0", tmp_path)
    assert not (tmp_path / "spool").exists()
