"""Trials of dead workers, with a real engine."""

import secrets
from collections.abc import AsyncIterator

import pytest
from nascore.cli.lost import hand_back, write_off
from nascore.experiment import DATABASE_NAME, Engine, Experiments
from nascore.journal import Holder
from nascore.launch import WorkerState, WorkerStatus
from nascore.record import ExperimentSpec, Limits, TrialState
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
    answer = await engine.lease(worker, secrets.token_hex(8), max_wait_s=5)
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


async def test_after_a_kill_all_running_trials_are_handed_back_uncounted(engine):
    leases = [await lease(engine, f"worker-{place}") for place in range(2)]
    await hand_back(engine)
    assert [engine.trial(given.trial).state for given in leases] == [TrialState.QUEUED] * 2
    again = await lease(engine, "worker-0")
    assert (again.trial, again.attempt) == (leases[0].trial, 1)
