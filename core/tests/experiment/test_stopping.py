import asyncio

import pytest
from nascore.errors import StateError
from nascore.record import (
    Command,
    Direction,
    EndReason,
    ExperimentAction,
    ExperimentState,
    LeaseStatus,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    TrialState,
    Verdict,
)

PAUSE, RESUME, STOP = ExperimentAction.PAUSE, ExperimentAction.RESUME, ExperimentAction.STOP


async def test_paused_experiment_leases_nothing_and_goes_on_when_resumed(world):
    engine = await world.begin()
    lease = await world.take(engine)
    for _ in range(2):
        assert (await engine.update("p", action=PAUSE)).state is ExperimentState.PAUSED
    assert (await engine.update("p2", action=PAUSE)).state is ExperimentState.PAUSED
    assert (await engine.lease("w", "none")).status is LeaseStatus.NONE_YET
    waiting = asyncio.create_task(engine.lease("w", "some", max_wait_s=60))
    await asyncio.sleep(0.01)
    await world.done(engine, lease)
    assert not waiting.done()
    engine_now = await engine.update("r", action=RESUME)
    assert engine_now.state is ExperimentState.RUNNING
    assert (await waiting).status is LeaseStatus.GRANTED
    assert (await engine.update("p", action=PAUSE)).state is ExperimentState.RUNNING  # said already


async def test_stopped_experiment_tells_running_trials_and_can_be_resumed(world):
    engine = await world.begin()
    lease, other = await world.take(engine), await world.take(engine)
    assert (await engine.renew("w", 0, lease.epoch)).command is Command.CONTINUE
    record = await engine.update("s", action=STOP)
    assert (record.state, record.end_reason) == (ExperimentState.STOPPED, EndReason.STOPPED)
    assert (await engine.update("s2", action=STOP)).seq == record.seq
    assert (await engine.renew("w", 0, lease.epoch)).command is Command.STOP
    assert await engine.report("w", 0, lease.epoch, "r", step=1, metrics={"accuracy": 0.4}) is Verdict.STOP
    assert (await engine.lease("w", "none")).end_reason is EndReason.STOPPED
    await engine.finish("w", 0, lease.epoch, "f", outcome=Outcome(OutcomeStatus.PRUNED))
    await engine.return_lease("w", 1, other.epoch, "b")
    with pytest.raises(StateError, match="cannot be paused"):
        await engine.update("p", action=PAUSE)
    engine = await world.again()
    assert await engine.wait_ended() is EndReason.STOPPED
    await engine.update("go", action=RESUME)
    assert (await world.take(engine)).trial == 1
    assert engine.trial(0).state is TrialState.PRUNED


async def test_finished_experiment_goes_on_with_a_higher_limit_only(world):
    engine = await world.begin(limits=Limits(max_trials=1))
    await world.done(engine, await world.take(engine))
    assert await engine.wait_ended() is EndReason.TRIALS
    with pytest.raises(StateError, match=r"max_trials is 1, and 1 have ended\. Resume it with max_trials above 1"):
        await engine.update("r", action=RESUME)
    record = await engine.update("r2", action=RESUME, limits=Limits(max_trials=2))
    assert (record.state, record.end_reason, record.spec.limits.max_trials) == (ExperimentState.RUNNING, None, 2)
    await world.done(engine, await world.take(engine))
    assert await engine.wait_ended() is EndReason.TRIALS


@pytest.mark.parametrize(
    ("direction", "target", "values"),
    [(Direction.MAXIMIZE, 0.9, (0.5, 0.95)), (Direction.MINIMIZE, 0.1, (0.5, 0.05))],
)
async def test_target_ends_the_search_in_its_direction(world, direction, target, values):
    engine = await world.begin(limits=Limits(target=target), objectives=(Objective("accuracy", direction),))
    await world.done(engine, await world.take(engine), values[0])
    lease, running = await world.take(engine), await world.take(engine)
    await world.done(engine, lease, values[1])
    assert await engine.wait_ended() is EndReason.TARGET
    assert (await engine.renew("w", running.trial, running.epoch)).command is Command.CONTINUE
    await world.done(engine, running)
    assert engine.trial(running.trial).state is TrialState.SUCCEEDED
    with pytest.raises(StateError, match="trial 1 reached the target"):
        await engine.update("r", action=RESUME)


async def test_duration_counts_neither_pauses_nor_downtime(world):
    engine = await world.begin(limits=Limits(max_duration_s=100))
    await world.clock.advance(40)
    await engine.update("p", action=PAUSE)
    await world.clock.advance(1000)
    engine = await world.again()
    await engine.update("r", action=RESUME)
    await world.clock.advance(30)
    assert engine.record().elapsed_s == pytest.approx(70)
    await engine.update("l", limits=Limits(max_parallel=4))
    await world.opened[-1].close()
    await world.clock.advance(1000)
    engine = (await world.open()).get("last")
    assert engine.record().elapsed_s == pytest.approx(70)
    ended = asyncio.create_task(engine.wait_ended())
    await world.clock.advance(29)
    assert not ended.done()
    await world.clock.advance(2)
    assert await ended is EndReason.DURATION
    with pytest.raises(StateError, match="Resume it with max_duration_s above 100"):
        await engine.update("r3", action=RESUME)


async def test_first_trials_that_all_fail_end_the_experiment_with_the_last_reason(world):
    engine = await world.begin(limits=Limits(max_failures_in_a_row=2))
    for n in range(2):
        lease = await world.take(engine)
        await engine.finish("w", n, lease.epoch, f"f{n}", outcome=Outcome(OutcomeStatus.FAILED))
    assert await engine.wait_ended() is EndReason.FAILED
    assert "first 2 trials all failed; the last one, trial 1: The trial failed" in engine.record().trouble
    await engine.update("r", action=RESUME)
    assert (await world.take(engine)).trial == 2


async def test_failures_after_a_success_do_not_end_it(world):
    engine = await world.begin(limits=Limits(max_failures_in_a_row=2))
    await world.done(engine, await world.take(engine))
    for n in range(1, 5):
        lease = await world.take(engine)
        await engine.finish("w", n, lease.epoch, f"f{n}", outcome=Outcome(OutcomeStatus.FAILED))
    assert engine.record().state is ExperimentState.RUNNING


async def test_exhausted_experiment_goes_on_with_enqueued_architectures_only(world, space):
    engine = await world.begin(settings={"most": 1})
    await world.done(engine, await world.take(engine))
    assert (await engine.lease("w", "l")).end_reason is EndReason.EXHAUSTED
    with pytest.raises(StateError, match="Enqueue architectures first"):
        await engine.update("r", action=RESUME)
    await engine.enqueue("e", [space.default()])
    await engine.update("r2", action=RESUME)
    await world.done(engine, await world.take(engine))
    assert await engine.wait_ended() is EndReason.EXHAUSTED


async def test_lowered_limit_ends_a_running_experiment(world):
    engine = await world.begin(limits=Limits(max_trials=50))
    for _ in range(3):
        await world.done(engine, await world.take(engine))
    await engine.update("l", limits=Limits(max_trials=2))
    assert await engine.wait_ended() is EndReason.TRIALS


async def test_tuner_is_let_go_when_the_experiment_has_ended_and_started_anew_when_resumed(world):
    engine = await world.begin(limits=Limits(max_trials=1))
    closed = []
    world.sessions[0].close = lambda: closed.append(True) or asyncio.sleep(0)
    await world.done(engine, await world.take(engine))
    await engine.wait_ended()
    while not closed:
        await asyncio.sleep(0.001)
    await engine.update("r", action=RESUME, limits=Limits(max_trials=2))
    assert (await world.take(engine)).proposal.notes == {"asked": 2}
    assert len(world.sessions) == 2
