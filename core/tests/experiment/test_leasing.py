"""The tuner at work with the engine: crashes, barriers, exhaustion, and the same story after every restart."""

import asyncio
import json
import sqlite3

import pytest
from nascore.errors import TunerCrashedError
from nascore.experiment.leasing import MAX_FAILED_ASKS
from nascore.record import (
    EndReason,
    ExperimentAction,
    ExperimentState,
    LeaseStatus,
    Outcome,
    OutcomeStatus,
    Proposal,
    Verdict,
)
from nascore.space import Architecture
from nascore.tuner.contract import NoProposal


class Flawed:
    """A session that fails on demand; all else goes to a real one."""

    def __init__(self, session, plan):
        self._session = session
        self._plan = plan

    def __getattr__(self, name):
        return getattr(self._session, name)

    async def ask(self, first, seeds, **words):
        fault = self._plan.pop(0) if self._plan else None
        if isinstance(fault, Exception):
            raise fault
        answer = await self._session.ask(first, seeds, **words)
        return answer if fault is None else fault(answer)


def flawed(world, *plan):
    plan = list(plan)
    world.wrap = lambda session: Flawed(session, plan)


async def test_one_crash_fails_one_ask_and_is_shown(world):
    flawed(world, TunerCrashedError("climber 1.0 died in ask."))
    engine = await world.begin()
    with pytest.raises(TunerCrashedError, match="died in ask"):
        await engine.lease("w", "a")
    assert engine.record().trouble == "climber 1.0 died in ask."
    assert (await engine.lease("w", "a")).status is LeaseStatus.GRANTED
    assert engine.record().trouble == ""


async def test_any_exception_of_a_session_is_the_tuners(world):
    flawed(world, ZeroDivisionError("division by zero"))
    engine = await world.begin()
    with pytest.raises(TunerCrashedError, match="ZeroDivisionError: division by zero"):
        await engine.lease("w", "a")
    assert (await engine.lease("w", "a")).status is LeaseStatus.GRANTED


async def test_tuner_that_always_fails_ends_the_experiment_and_it_can_be_resumed(world):
    flawed(world, *[TunerCrashedError("dead.")] * MAX_FAILED_ASKS)
    engine = await world.begin()
    for n in range(MAX_FAILED_ASKS - 1):
        with pytest.raises(TunerCrashedError):
            await engine.lease("w", f"l{n}")
    answer = await engine.lease("w", "last")
    assert (answer.status, answer.end_reason) == (LeaseStatus.ENDED, EndReason.FAILED)
    assert "5 times in a row: dead." in engine.record().trouble
    await engine.update("resume", action=ExperimentAction.RESUME)
    assert engine.record().trouble == ""
    assert (await engine.lease("w", "again")).status is LeaseStatus.GRANTED


async def test_finish_is_acknowledged_while_the_tuner_is_dead(world):
    flawed(world, None, *[TunerCrashedError("dead.")] * 9)
    engine = await world.begin()
    lease = await world.take(engine)
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0})
    answer = await engine.finish("w", 0, lease.epoch, "f", outcome=outcome, wants_next=True)
    assert answer.status is LeaseStatus.NONE_YET
    assert (await world.again()).trial(0).outcome.metrics == {"accuracy": 1.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda proposal: Proposal(proposal.number, Architecture({"x": "nope", "y": "a", "z": "a"})),
        lambda proposal: Proposal(proposal.number + 1, proposal.architecture),
        lambda proposal: Proposal(proposal.number, proposal.architecture, notes={"score": float("nan")}),
        lambda proposal: Proposal(proposal.number, proposal.architecture, notes={"self": object()}),
    ],
)
async def test_proposal_that_breaks_the_contract_is_not_stored_and_the_tuner_is_replayed(world, change):
    def broken(answer):
        return type(answer)(tuple(change(proposal) for proposal in answer.proposals), answer.status)

    flawed(world, None, broken)
    engine = await world.begin()
    first = await world.take(engine)
    with pytest.raises(TunerCrashedError):
        await engine.lease("w", "a")
    assert len(engine.trials()) == 1
    assert (await world.take(engine)).proposal.notes == {"asked": 2}
    assert len(world.sessions) == 2
    assert world.sessions[1]._taken[0].proposal == first.proposal


async def test_exhausted_tuner_ends_the_experiment_when_running_trials_are_done(world):
    engine = await world.begin(settings={"most": 2})
    leases = [await world.take(engine) for _ in range(2)]
    assert (await engine.lease("w", "none")).status is LeaseStatus.NONE_YET
    await world.done(engine, leases[0])
    assert engine.record().state is ExperimentState.RUNNING
    engine = await world.again()
    await world.done(engine, leases[1])
    assert await engine.wait_ended() is EndReason.EXHAUSTED


async def test_waiting_tuner_is_asked_again_after_an_outcome(world):
    engine = await world.begin(settings={"waits": True})
    lease = await world.take(engine)
    assert (await engine.lease("w", "none")).status is LeaseStatus.NONE_YET
    waiting = asyncio.create_task(engine.lease("w", "some", max_wait_s=60))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await world.done(engine, lease)
    assert (await waiting).lease.trial == 1


async def test_tuner_that_waits_for_nothing_fails_instead_of_hanging(world):
    class Stuck(world.tuner):
        def ask(self, number, seed):
            return NoProposal.WAIT

    world.tuner = Stuck
    engine = await world.begin()
    with pytest.raises(TunerCrashedError, match="no trial is left that could give one"):
        await engine.lease("w", "a", max_wait_s=60)


async def test_restarted_tuner_is_told_the_same_story(world):
    engine = await world.begin()
    held = [await world.take(engine) for _ in range(3)]
    await world.done(engine, held[1], 0.3)
    await world.done(engine, held[0], 0.7)
    held.append(await world.take(engine))
    await world.done(engine, held[2], 0.1)
    held.append(await world.take(engine))
    await world.done(engine, held[3], 0.2)
    story = list(world.sessions[0]._taken)
    engine = await world.again()
    await world.take(engine)
    assert world.sessions[1]._taken[: len(story)] == story
    tail = world.sessions[1]._taken[len(story) :]
    assert [event.proposal.number for event in tail] == [3, 5]


async def test_tuner_that_does_not_repeat_itself_is_stopped_loudly(world):
    engine = await world.begin()
    await world.take(engine)

    class Changed(world.tuner):
        def ask(self, number, seed):
            return super().ask(number, seed + 1)

    world.tuner = Changed
    engine = await world.again()
    answer = await engine.lease("w", "a")
    assert (answer.status, answer.end_reason) == (LeaseStatus.ENDED, EndReason.FAILED)
    assert "1 proposals came out otherwise than logged" in engine.record().trouble


def remembering(climber):
    class Remembering(climber):
        restored = 0

        def snapshot(self):
            best = None if self.best is None else [self.best[0], dict(self.best[1])]
            return json.dumps([best, self.asked, self.open]).encode()

        def restore(self, state):
            best, self.asked, self.open = json.loads(state)
            self.best = None if best is None else (best[0], Architecture(best[1]))
            type(self).restored += 1

    return Remembering


async def test_saved_state_is_a_cache_that_changes_nothing(world, tmp_path):
    plain = type(world)(tmp_path / "plain.db")
    world.tuner = remembering(world.tuner)
    found = []
    for place in (world, plain):
        engine = await place.begin()
        for n in range(12):
            lease = await place.take(engine)
            found.append(lease.proposal)
            await place.done(engine, lease, (n * 7 % 5) / 5)
            if n in (3, 6, 9):
                engine = await place.again()
        await place.opened[-1].close()
    assert found[:12] == found[12:]
    assert world.tuner.restored == 3
    assert len(world.sessions[-1]._taken) < 12


async def test_damaged_saved_state_falls_back_to_the_one_before(world, tmp_path):
    world.tuner = remembering(world.tuner)
    engine = await world.begin()
    for _ in range(3):
        await world.done(engine, await world.take(engine))
        engine = await world.again()
    await world.opened[-1].close()
    with sqlite3.connect(world.database) as connection:
        rows = connection.execute("SELECT place FROM snapshots ORDER BY place").fetchall()
        assert len(rows) == 2
        connection.execute("UPDATE snapshots SET state = x'00' WHERE place = ?", rows[-1])
    connection.close()
    before = world.tuner.restored
    engine = (await world.open()).get("last")
    assert (await world.take(engine)).proposal.notes == {"asked": 4}
    assert world.tuner.restored == before + 1


async def test_tuner_judges_reports_and_a_broken_judge_costs_no_trial(world):
    class Judge(world.tuner):
        def review(self, report):
            if report.step == 3:
                raise RuntimeError("no opinion")
            return Verdict.STOP if report.metrics["loss"] > 1 else Verdict.CONTINUE

    world.tuner = Judge
    engine = await world.begin()
    lease = await world.take(engine)

    async def said(step, loss):
        return await engine.report("w", 0, lease.epoch, f"r{step}", step=step, metrics={"loss": loss})

    assert [await said(1, 0.5), await said(2, 2.0)] == [Verdict.CONTINUE, Verdict.STOP]
    assert await said(2, 2.0) is Verdict.STOP
    assert await said(3, 2.0) is Verdict.CONTINUE
    assert "no opinion" in engine.record().trouble
