import asyncio
from dataclasses import replace

import pytest
from nascore.errors import (
    ArchitectureError,
    ConflictError,
    InvalidInputError,
    LeaseSupersededError,
    MetricError,
    NotFoundError,
    SpaceError,
    StateError,
    UnsupportedError,
)
from nascore.record import (
    EndReason,
    ExperimentState,
    Failure,
    FailureKind,
    LeaseStatus,
    Limits,
    Outcome,
    OutcomeStatus,
    TrialState,
    proposal_seed,
    trial_seed,
)
from nascore.space import Architecture, Candidate, OneOf, SearchSpace


def completed(**metrics):
    return Outcome(OutcomeStatus.COMPLETED, metrics)


async def test_search_runs_to_its_last_trial(world, few):
    engine = await world.begin(limits=few)
    for accuracy in (0.1, 0.9, 0.5):
        await world.done(engine, await world.take(engine), accuracy)
    answer = await engine.lease("w", "after")
    assert (answer.status, answer.end_reason) == (LeaseStatus.ENDED, EndReason.TRIALS)
    assert await engine.wait_ended() is EndReason.TRIALS
    assert [trial.number for trial in engine.best(3)] == [1, 2, 0]
    assert engine.record().counts[TrialState.SUCCEEDED] == 3


async def test_lease_carries_the_seeds_of_its_number(world):
    engine = await world.begin()
    lease = await world.take(engine)
    assert (lease.trial, lease.epoch, lease.attempt, lease.seed) == (0, 1, 1, trial_seed(7, 0))
    assert world.sessions[0]._taken[0].seed == proposal_seed(7, 0)


async def test_same_request_gets_the_same_answer_even_after_a_restart(world):
    engine = await world.begin()
    first = await engine.lease("w", "L")
    assert await engine.lease("w", "L") == first
    engine = await world.again()
    assert await engine.lease("w", "L") == first
    lease = first.lease
    for _ in range(2):
        await engine.finish("w", lease.trial, lease.epoch, "F", outcome=completed(accuracy=0.5))
    engine = await world.again()
    await engine.finish("w", lease.trial, lease.epoch, "F", outcome=completed(accuracy=0.5))
    assert len(engine.trials()) == 1
    assert engine.record().counts[TrialState.SUCCEEDED] == 1


async def test_another_result_for_a_finished_trial_is_refused_and_names_the_stored_one(world):
    engine = await world.begin()
    lease = await world.take(engine)
    await engine.finish("w", 0, lease.epoch, "F", outcome=completed(accuracy=0.5))
    for request_id in ("F", "G"):
        with pytest.raises(ConflictError, match=r"Trial 0 has ended already as completed .*0\.5"):
            await engine.finish("w", 0, lease.epoch, request_id, outcome=completed(accuracy=0.6))
    await engine.finish("w", 0, lease.epoch, "G", outcome=completed(accuracy=0.5))
    with pytest.raises(ConflictError):
        await engine.finish("w", 0, lease.epoch, "F", outcome=completed(accuracy=0.5), checkpoint="other")
    assert engine.trial(0).outcome.metrics == {"accuracy": 0.5}


async def test_request_id_of_another_request_is_refused(world):
    engine = await world.begin()
    lease = (await engine.lease("w", "L")).lease
    with pytest.raises(ConflictError, match="'L' was used already"):
        await engine.return_lease("w", lease.trial, lease.epoch, "L")
    with pytest.raises(ConflictError):
        await engine.lease("v", "L")
    with pytest.raises(InvalidInputError, match="request_id: '' must have 1 to 256"):
        await engine.lease("w", "")


async def test_lost_worker_returns_its_lease_and_its_late_word_is_refused(world):
    engine = await world.begin()
    old = await world.take(engine, "slow")
    await world.clock.advance(31)
    assert engine.trial(0).state is TrialState.QUEUED
    with pytest.raises(LeaseSupersededError, match="queued again after epoch 1"):
        await world.done(engine, old, worker="slow")
    new = await world.take(engine, "fast")
    assert (new.trial, new.epoch, new.attempt, new.proposal) == (0, 2, 2, old.proposal)
    for word in (
        engine.finish("slow", 0, old.epoch, "late", outcome=completed(accuracy=1.0)),
        engine.renew("slow", 0, old.epoch),
        engine.report("slow", 0, old.epoch, "r", step=1, metrics={"loss": 1.0}),
        engine.return_lease("slow", 0, old.epoch, "b"),
        engine.finish("slow", 0, new.epoch, "stolen", outcome=completed(accuracy=1.0)),
        engine.renew("fast", 0, new.epoch + 1),
    ):
        with pytest.raises(LeaseSupersededError, match="'fast' with epoch 2"):
            await word
    await world.done(engine, new, 0.25, worker="fast")
    with pytest.raises(LeaseSupersededError, match="has ended: succeeded, by worker 'fast'"):
        await world.done(engine, old, worker="slow")
    assert engine.trial(0).outcome.metrics == {"accuracy": 0.25}


async def test_heartbeat_keeps_a_lease(world):
    engine = await world.begin(limits=Limits(lease_s=10))
    lease = await world.take(engine)
    for _ in range(5):
        await world.clock.advance(9)
        assert (await engine.renew("w", lease.trial, lease.epoch)).duration_s == 10
    assert engine.trial(0).state is TrialState.RUNNING
    await world.clock.advance(11)
    assert engine.trial(0).state is TrialState.QUEUED


async def test_trial_lost_too_often_fails_and_is_told(world):
    engine = await world.begin(limits=Limits(max_attempts=2))
    for _ in range(2):
        await world.take(engine, "w")
        await world.clock.advance(31)
    trial = engine.trial(0)
    assert trial.state is TrialState.FAILED
    assert trial.outcome.failure.kind is FailureKind.LOST
    assert "'w'" in trial.outcome.failure.message
    await world.take(engine)
    assert [told.outcome.status for told in world.sessions[0]._taken[1:2]] == [OutcomeStatus.FAILED]


async def test_running_leases_get_a_full_period_after_a_restart(world):
    engine = await world.begin()
    lease = await world.take(engine)
    await world.clock.advance(29)
    engine = await world.again()
    await world.clock.advance(29)
    await engine.renew("w", lease.trial, lease.epoch)
    await world.clock.advance(31)
    assert engine.trial(0).state is TrialState.QUEUED


async def test_returned_trial_is_leased_again_and_the_attempt_is_not_counted(world):
    engine = await world.begin()
    lease = await world.take(engine)
    for _ in range(2):
        await engine.return_lease("w", lease.trial, lease.epoch, "back")
    again = await world.take(engine)
    assert (again.trial, again.attempt, again.epoch) == (0, 1, 2)


async def test_retryable_failure_is_tried_again_and_then_fails(world):
    engine = await world.begin()
    failed = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.SIGNAL, "killed"))
    for attempt in (1, 2, 3):
        lease = await world.take(engine)
        assert (lease.trial, lease.attempt) == (0, attempt)
        for _ in range(2):
            await engine.finish("w", 0, lease.epoch, f"f{attempt}", outcome=failed, is_retryable=True)
    trial = engine.trial(0)
    assert (trial.state, trial.outcome.failure.message) == (TrialState.FAILED, "killed")
    assert (await world.take(engine)).trial == 1


async def test_defect_is_not_tried_again(world):
    engine = await world.begin()
    lease = await world.take(engine)
    await engine.finish("w", 0, lease.epoch, "f", outcome=Outcome(OutcomeStatus.FAILED))
    assert engine.trial(0).outcome.failure.message == "The trial failed and did not say why."
    assert (await world.take(engine)).trial == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_objective_that_is_no_number_is_told_as_non_finite(world, value):
    engine = await world.begin()
    lease = await world.take(engine)
    await world.done(engine, lease, value)
    trial = engine.trial(0)
    assert (trial.state, trial.outcome.status, trial.outcome.metrics) == (
        TrialState.FAILED, OutcomeStatus.NON_FINITE, {},
    )  # fmt: skip
    assert trial.outcome.failure.kind is FailureKind.NON_FINITE
    assert engine.best() == ()
    assert (await world.again()).trial(0) == trial


async def test_missing_objective_is_refused_with_the_reported_names(world):
    engine = await world.begin()
    lease = await world.take(engine)
    with pytest.raises(MetricError, match=r"'accuracy' is not among the reported metrics: acuracy, loss.*'acuracy'"):
        await engine.finish("w", 0, lease.epoch, "f", outcome=completed(acuracy=0.5, loss=1.0))
    with pytest.raises(MetricError, match="'accuracy' of trial 0: 'high' is not a number"):
        await engine.finish("w", 0, lease.epoch, "f", outcome=completed(accuracy="high"))
    assert engine.trial(0).state is TrialState.RUNNING
    await world.done(engine, lease)


async def test_several_waiting_workers_share_one_ask_and_proposals_stay_the_same(world, tmp_path):
    engine = await world.begin()
    calls = []
    session = world.sessions[0]
    ask = session.ask

    async def counted(first, seeds, **words):
        calls.append(len(seeds))
        return await ask(first, seeds, **words)

    session.ask = counted
    leases = await asyncio.gather(*(world.take(engine, f"w{n}") for n in range(8)))
    assert sorted(lease.trial for lease in leases) == list(range(8))
    assert calls == [8]
    alone = type(world)(tmp_path / "alone.db")
    engine = await alone.begin()
    single = [await alone.take(engine, f"w{n}") for n in range(8)]
    await alone.opened[-1].close()
    assert [lease.proposal for lease in sorted(leases, key=lambda lease: lease.trial)] == [
        lease.proposal for lease in single
    ]


async def test_no_more_trials_are_begun_than_needed(world):
    engine = await world.begin(limits=Limits(max_trials=3))
    answers = await asyncio.gather(*(engine.lease(f"w{n}", f"l{n}") for n in range(6)))
    granted = [answer.lease for answer in answers if answer.status is LeaseStatus.GRANTED]
    assert len(granted) == 3
    assert len(engine.trials()) == 3
    assert [answer.status for answer in answers].count(LeaseStatus.NONE_YET) == 3


async def test_max_parallel_bounds_the_leases(world):
    engine = await world.begin(limits=Limits(max_parallel=2))
    leases = [await world.take(engine) for _ in range(2)]
    assert (await engine.lease("w", "third")).status is LeaseStatus.NONE_YET
    waiting = asyncio.create_task(engine.lease("w", "fourth", max_wait_s=60))
    await asyncio.sleep(0.01)
    await world.done(engine, leases[0])
    assert (await waiting).status is LeaseStatus.GRANTED


async def test_repeated_request_that_waits_is_given_one_trial(world):
    engine = await world.begin(limits=Limits(max_parallel=1))
    lease = await world.take(engine)
    first, second = (asyncio.create_task(engine.lease("w", "same", max_wait_s=60)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await world.done(engine, lease)
    assert (await second).lease.trial == 1
    assert len(engine.trials()) == 2


async def test_worker_that_went_away_is_given_nothing(world):
    engine = await world.begin(limits=Limits(max_parallel=1))
    lease = await world.take(engine)
    gone = asyncio.create_task(engine.lease("gone", "gone", max_wait_s=60))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await world.done(engine, lease)
    assert (await world.take(engine, "here")).trial == 1


async def test_waiting_ends_after_max_wait(world):
    engine = await world.begin(limits=Limits(max_parallel=1))
    await world.take(engine)
    waiting = asyncio.create_task(engine.lease("w", "x", max_wait_s=5))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await world.clock.advance(5.1)
    assert (await waiting).status is LeaseStatus.NONE_YET


async def test_finish_answers_with_the_next_lease_once(world):
    engine = await world.begin(limits=Limits(max_trials=2))
    lease = await world.take(engine)
    said = {"outcome": completed(accuracy=0.5), "wants_next": True}
    first = await engine.finish("w", 0, lease.epoch, "f0", **said)
    assert first.lease.trial == 1
    assert await engine.finish("w", 0, lease.epoch, "f0", **said) == first
    last = await engine.finish("w", 1, first.lease.epoch, "f1", **said)
    assert (last.status, last.end_reason) == (LeaseStatus.ENDED, EndReason.TRIALS)


async def test_first_space_defines_the_experiment_and_another_is_refused(world, space):
    engine = await world.begin(space=None)
    waiting = asyncio.create_task(engine.lease("w", "early", max_wait_s=60))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    registration = await engine.register_space("w", space, batches_per_epoch=12)
    assert (registration.space_fingerprint, registration.seed) == (space.fingerprint, 7)
    assert (await waiting).status is LeaseStatus.GRANTED
    assert await engine.register_space("v", space) == registration
    other = SearchSpace((OneOf("x", (Candidate("a"),)),))
    with pytest.raises(SpaceError, match="not that of the experiment") as refused:
        await engine.register_space("u", other)
    assert refused.value.violations
    engine = await world.again()
    assert engine.record().spec.space == space
    with pytest.raises(SpaceError):
        await engine.register_space("u", other)


async def test_space_that_the_tuner_cannot_tune_ends_the_experiment_with_its_sentence(world, space):
    class Picky(world.tuner):
        node_kinds = frozenset({"real"})

    world.tuner = Picky
    engine = await world.begin(space=None)
    with pytest.raises(UnsupportedError):
        await engine.register_space("w", space)
    record = engine.record()
    assert (record.state, record.end_reason) == (ExperimentState.FINISHED, EndReason.FAILED)
    assert "climber" in record.trouble or "one_of" in record.trouble
    assert (await engine.lease("w", "l")).status is LeaseStatus.ENDED
    with pytest.raises(UnsupportedError):
        await world.opened[-1].create(record.spec, request_id="with space")
    assert len(world.opened[-1].list()) == 1


async def test_enqueued_architectures_go_first_and_are_told(world, space):
    engine = await world.begin()
    lease = await world.take(engine)
    wanted = [Architecture({"x": key, "y": "a", "z": "b"}) for key in "ab"]
    for _ in range(2):
        assert await engine.enqueue("e", wanted) == (1, 2)
    with pytest.raises(ConflictError):
        await engine.enqueue("e", wanted[:1])
    leases = [await world.take(engine) for _ in range(3)]
    assert [lease.proposal.architecture for lease in leases[:2]] == wanted
    assert [engine.trial(n).is_enqueued for n in range(4)] == [False, True, True, False]
    await world.done(engine, leases[0], 0.9)
    await world.take(engine)
    assert [event.proposal.number for event in world.sessions[0]._taken] == [0, 3, 1, 4]
    await world.done(engine, lease)


async def test_architecture_that_does_not_fit_is_refused_with_its_place(world, space):
    engine = await world.begin()
    good = Architecture({"x": "a", "y": "a", "z": "a"})
    with pytest.raises(ArchitectureError, match=r"architectures\[1\]\.x"):
        await engine.enqueue("e", [good, Architecture({"x": "nope", "y": "a", "z": "a"})])
    with pytest.raises(InvalidInputError, match="send 1 to 256"):
        await engine.enqueue("f", [])
    assert engine.trials() == ()
    unknown = await world.opened[-1].create(replace(engine.record().spec, space=None), request_id="c2")
    with pytest.raises(StateError, match="does not know its search space yet"):
        await unknown.enqueue("g", [good])


async def test_reports_are_stored_in_order_and_repeated_ones_once(world):
    engine = await world.begin()
    lease = await world.take(engine)
    for step in (1, 2, 2):
        await engine.report("w", 0, lease.epoch, f"r{step}", step=step, metrics={"loss": 1.0 / step})
    with pytest.raises(InvalidInputError, match="step 1 does not follow the last reported step, 2"):
        await engine.report("w", 0, lease.epoch, "r9", step=1, metrics={"loss": 1.0})
    with pytest.raises(MetricError, match="'loss' is nan"):
        await engine.report("w", 0, lease.epoch, "r3", step=3, metrics={"loss": float("nan")})
    assert [report.step for report in engine.trial(0).reports] == [1, 2]
    engine = await world.again()
    assert [report.step for report in engine.trial(0).reports] == [1, 2]
    pruned = Outcome(OutcomeStatus.PRUNED)
    await engine.finish("w", 0, lease.epoch, "f", outcome=pruned)
    assert engine.trial(0).outcome.metrics == {"loss": 0.5}
    await engine.finish("w", 0, lease.epoch, "f", outcome=pruned)


async def test_report_keeps_the_lease(world):
    engine = await world.begin()
    lease = await world.take(engine)
    for step in range(4):
        await world.clock.advance(20)
        await engine.report("w", 0, lease.epoch, f"r{step}", step=step, metrics={"loss": 1.0})
    assert engine.trial(0).state is TrialState.RUNNING


async def test_unknown_trial_is_named(world):
    engine = await world.begin()
    with pytest.raises(NotFoundError, match="has no trial 3; its trials: none yet"):
        await engine.renew("w", 3, 1)


async def test_closed_engine_sends_waiting_workers_away(world):
    engine = await world.begin(limits=Limits(max_parallel=1))
    await world.take(engine)
    waiting = asyncio.create_task(engine.lease("w", "x", max_wait_s=60))
    ended = asyncio.create_task(engine.wait_ended())
    await asyncio.sleep(0.01)
    await world.opened[-1].close()
    for task in (waiting, ended):
        with pytest.raises(ConnectionError, match="stop"):
            await task
