"""A replay of the log leads to the state that was: random histories through the real engine."""

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nascore.errors import DataLossError, NascoreError
from nascore.experiment import events, transitions
from nascore.experiment.events import EVENT_TYPES, event_of, payload
from nascore.experiment.state import REPLIES_KEPT, REPORTS_KEPT, State, history
from nascore.experiment.transitions import apply, rebuilt, replayed
from nascore.journal.contract import Entry
from nascore.record import (
    Asked,
    Budget,
    EndReason,
    ExperimentAction,
    ExperimentSpec,
    Failure,
    FailureKind,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Task,
    Told,
    TrialRecord,
    TrialState,
    Verdict,
)
from nascore.space import Architecture


async def play(world, engine, seed, length):
    """Do random things, allowed or not."""
    rng = random.Random(seed)
    leases = []
    for n in range(length):
        choice = rng.randrange(12)
        request, worker = f"r{rng.randrange(length)}-{choice}", f"w{rng.randrange(3)}"
        lease = rng.choice(leases) if leases else (worker, 0, 1)
        metrics = {"accuracy": rng.choice([0.1, 0.5, 0.5, float("nan")]), "latency": rng.random()}
        status = rng.choice(list(OutcomeStatus))
        try:
            if choice < 4:
                answer = await engine.lease(worker, request)
                if answer.lease:
                    leases.append((worker, answer.lease.trial, answer.lease.epoch))
            elif choice < 7:
                outcome = Outcome(status, metrics)
                await engine.finish(*lease, request, outcome=outcome, is_retryable=rng.random() < 0.3)
            elif choice == 7:
                await engine.report(*lease, request, step=n, metrics={"accuracy": 0.25})
            elif choice == 8:
                await engine.return_lease(*lease, request)
            elif choice == 9:
                await world.clock.advance(rng.choice([1, 20, 40]))
            elif choice == 10:
                action = rng.choice([None, *ExperimentAction])
                await engine.update(request, action=action, limits=Limits(max_parallel=rng.randrange(1, 5)))
            else:
                space = engine.record().spec.space
                await engine.enqueue(request, [space.sample(rng)])
        except NascoreError:
            pass


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(seed=st.integers(0, 2**32), is_multiple=st.booleans())
def test_state_after_replay_equals_the_live_state(tmp_path_factory, world_type, two_objectives, seed, is_multiple):
    async def scenario():
        world = world_type(tmp_path_factory.mktemp("w") / "log.db")
        engine = await world.begin(objectives=two_objectives[: 1 + is_multiple])
        try:
            for _ in range(2):
                await play(world, engine, seed, 30)
                live = engine._ledger.state
                stored = rebuilt(engine.id, await world.opened[-1]._journal.read(engine.id))
                assert stored == live
                engine = await world.again()
                assert engine._ledger.state == live
        finally:
            await world.opened[-1].close()

    asyncio.run(scenario())


def test_every_event_survives_its_json_form(space):
    spec = ExperimentSpec("t", {"a": [1, None]}, (Objective("m", bound=0.5),), Limits(target=0.1), 2**63, space, "n")
    proposal = Proposal(3, Architecture({"x": "a"}), budget=Budget("epochs", 2.0), log_prob=-0.5, notes={"é": [1.5]})
    outcome = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.SIGNAL, "9", "tail"), duration_s=1.25)
    samples = [
        events.Created(spec, "digest", "r"),
        events.SpaceRegistered(space, "w", 12, (Task.EVALUATE, Task.TRAIN), ("cpu",)),
        events.Asked(proposal, 2**64 - 1, 17),
        events.Enqueued(proposal, "r"),
        events.Leased(1, 2, 3, "w", "r"),
        events.Returned(1, 2, "r"),
        events.Lost(1, 2),
        events.Retried(1, 2, Failure(FailureKind.OUT_OF_MEMORY, "m"), "r"),
        events.Reported(Report(1, 5, {"loss": 0.1}), 2, Verdict.STOP, "r"),
        events.Finished(1, 2, outcome, "checkpoint", "r"),
        events.Updated(ExperimentAction.PAUSE, Limits(max_trials=3), "r"),
        events.Updated(None, None, "r"),
        events.Exhausted(),
        events.Ended(EndReason.FAILED, "why"),
        events.Troubled("so"),
    ]
    assert {type(event) for event in samples} == set(EVENT_TYPES)
    for event in samples:
        assert event_of(Entry(1, event.kind, payload(event), 0.0, 0.0), experiment="x") == event


def begun(space):
    state = State("x")
    spec = ExperimentSpec("t", seed=1, space=space)
    apply(state, events.Created(spec, "d", "c"), time=1.0, elapsed_s=0.0)
    return state


def add(state, *some):
    for event in some:
        apply(state, event, time=2.0, elapsed_s=1.0)


def test_remembered_replies_and_reports_are_bounded(space):
    state = begun(space)
    add(state, events.Asked(Proposal(0, space.default()), 0, 0))
    for n in range(REPLIES_KEPT + 10):
        add(state, events.Leased(0, n + 1, 1, "w", f"l{n}"), events.Returned(0, n + 1, ""))
    assert len(state.replies) == REPLIES_KEPT
    assert "l9" not in state.replies
    assert f"l{REPLIES_KEPT + 9}" in state.replies
    for step in range(REPORTS_KEPT + 10):
        add(state, events.Reported(Report(0, step, {"m": 1.0}), 1, Verdict.CONTINUE, ""))
    assert [report.step for report in state.trial(0).reports][:1] == [10]


def test_history_is_in_the_order_in_which_the_tuner_met_it(space):
    state = begun(space)
    proposals = [Proposal(number, space.default()) for number in range(4)]
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5})
    add(state, events.Asked(proposals[0], 10, 0), events.Asked(proposals[1], 11, 0))
    add(state, events.Enqueued(proposals[2], "e"))
    add(state, *(events.Leased(n, 1, 1, "w", f"l{n}") for n in (2, 0, 1)))
    add(state, events.Finished(1, 1, outcome), events.Finished(2, 1, outcome))
    first, second = (seq for seq, _ in state.outcomes)
    add(state, events.Asked(proposals[3], 13, first))  # The second outcome had not reached the tuner.
    story = [Asked(proposals[0], 10), Asked(proposals[1], 11), Told(first, proposals[1], outcome)]
    assert list(history(state, told_through=first)) == [*story, Asked(proposals[3], 13)]
    whole = [*story, Asked(proposals[3], 13), Told(second, proposals[2], outcome)]
    assert list(history(state, told_through=second)) == whole
    assert list(history(state, told_through=second, after_asked=2, after_seq=first)) == whole[3:]
    later = history(state, told_through=first)
    add(state, events.Asked(replace(proposals[3], number=4), 14, second))
    assert len(list(later)) == 4


texts = st.text(max_size=8)


@given(
    number=st.integers(0, 2**40),
    decisions=st.dictionaries(texts, texts, max_size=6),
    seed=st.integers(0, 2**64 - 1),
    told_through=st.integers(0, 2**40),
    is_noted=st.booleans(),
)
def test_proposal_of_the_log_is_the_one_that_was_made(number, decisions, seed, told_through, is_noted):
    proposal = Proposal(number, Architecture(decisions), notes={"n": 1} if is_noted else {})
    asked = events.Asked(proposal, seed, told_through)
    read = event_of(Entry(1, "asked", payload(asked), 0.0, 0.0), experiment="e")
    assert read == asked
    assert dict(read.proposal.architecture) == dict(sorted(decisions.items()))
    assert list(read.proposal.architecture) == sorted(decisions)


@pytest.mark.parametrize(
    "text",
    [
        '{"proposal":{"number":0,"architecture":{"a":"b",}},"seed":1,"told_through":0}',
        '{"proposal":{"number":0,"architecture":{"a" "b"}},"seed":1,"told_through":0}',
        '{"proposal":{"number":0,"architecture":{"a":"b"}},"seed":1,"told_through":}',
        '{"proposal":{"number":0,"architecture":{"a":"\x01"}},"seed":1,"told_through":0}',
        '{"proposal":{"architecture":{"a":"b"}},"seed":1,"told_through":0}',
    ],
)
def test_proposal_that_is_no_json_is_found_when_the_log_is_read(text):
    with pytest.raises(DataLossError, match="entry 7"):
        event_of(Entry(7, "asked", text, 0.0, 0.0), experiment="e")


async def test_long_log_is_read_in_parts_and_whole(world, monkeypatch):
    monkeypatch.setattr(transitions, "ENTRIES_A_READ", 3)
    engine = await world.begin()
    for accuracy in (0.1, 0.3, 0.2):
        await world.done(engine, await world.take(engine), accuracy)
    live, journal = engine._ledger.state, world.opened[-1]._journal
    counts, read = [], journal.read

    async def counted(*arguments, **named):
        part = await read(*arguments, **named)
        counts.append(len(part))
        return part

    monkeypatch.setattr(journal, "read", counted)
    assert await replayed(engine.id, journal) == live
    assert len(counts) > 3
    assert all(count == 3 for count in counts[:-1])
    assert sum(counts) == live.seq


async def test_trial_keeps_all_that_was_known_of_it_through_its_states(world):
    engine = await world.begin()
    (number,) = await engine.enqueue("q", [engine.record().spec.space.default()])
    created = world.clock.time()
    await world.clock.advance(5)
    lease = await world.take(engine)
    started = world.clock.time()
    await world.clock.advance(5)
    assert engine.trial(number) == TrialRecord(
        number, TrialState.RUNNING, lease.proposal, attempt=1, epoch=1, worker="w", created_at=created,
        started_at=started, is_enqueued=True,
    )  # fmt: skip
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}, duration_s=10.0)
    await engine.finish("w", number, lease.epoch, "f", outcome=outcome, checkpoint="c")
    kept = replace(outcome, duration_s=engine.trial(number).outcome.duration_s)
    assert engine.trial(number) == TrialRecord(
        number, TrialState.SUCCEEDED, lease.proposal, attempt=1, epoch=1, worker="w", created_at=created,
        started_at=started, is_enqueued=True, outcome=kept, checkpoint="c", finished_at=world.clock.time(),
    )  # fmt: skip
    assert created < started < world.clock.time()
