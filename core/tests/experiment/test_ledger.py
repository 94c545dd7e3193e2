"""When the disk fails: nothing is acknowledged, memory is rebuilt, and the search goes on."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, UnavailableError
from nascore.record import ExperimentSpec, LeaseStatus, Limits, Outcome, OutcomeStatus, TrialState


async def healed(engine):
    """Wait until the log was read again."""
    while True:
        try:
            return await engine.settled()
        except UnavailableError:
            pass


def completed(accuracy):
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy})


async def test_nothing_is_acknowledged_that_is_not_stored_and_it_heals(world, full_disk):
    engine = await world.begin()
    leases = [await world.take(engine) for _ in range(3)]
    await world.done(engine, leases[0], 0.9)
    stored = engine.record().seq
    with full_disk():
        words = [engine.finish("w", n, leases[n].epoch, f"f{n}", outcome=completed(0.1)) for n in (1, 2)]
        words.append(engine.lease("w", "next"))
        for answer in await asyncio.gather(*words, return_exceptions=True):
            assert isinstance(answer, ExhaustedResourceError), answer
        await healed(engine)
        assert engine.record().seq == stored
        assert engine.trial(1).state is TrialState.RUNNING
        assert engine.best()[0].number == 0  # Reading goes on.
    for n in (1, 2):
        await engine.finish("w", n, leases[n].epoch, f"f{n}", outcome=completed(0.1))
    assert (await engine.lease("w", "next")).lease.trial == 3
    story = [event.proposal.number for event in world.sessions[-1]._taken]
    assert story == [0, 1, 2, 0, 1, 2, 3]
    assert len(world.sessions) == 2  # The tuner had taken what was never stored, so it was opened anew.


async def test_leases_are_kept_through_a_failed_write(world, full_disk):
    engine = await world.begin()
    lease = await world.take(engine)
    await world.clock.advance(25)
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await engine.report("w", 0, lease.epoch, "r", step=1, metrics={"loss": 1.0})
        await healed(engine)
    await world.clock.advance(25)
    await engine.renew("w", 0, lease.epoch)
    await world.clock.advance(31)
    assert engine.trial(0).state is TrialState.QUEUED


async def test_waiting_workers_wait_on_through_a_failed_write(world, full_disk):
    engine = await world.begin(limits=Limits(max_parallel=1))
    lease = await world.take(engine)
    waiting = asyncio.create_task(engine.lease("v", "v", max_wait_s=100))
    await asyncio.sleep(0.01)
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await engine.update("u", limits=Limits(max_trials=9))
        await healed(engine)
    await world.done(engine, lease)
    assert (await waiting).status is LeaseStatus.GRANTED


async def test_damage_found_while_reading_again_stops_the_experiment_loudly(world, full_disk):
    engine = await world.begin()
    lease = await world.take(engine)
    with closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute("UPDATE events SET payload = '{}' WHERE seq = 2")
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await engine.finish("w", 0, lease.epoch, "f", outcome=completed(0.1))
    for _ in range(2):
        with pytest.raises(DataLossError, match="entry 2"):
            await engine.finish("w", 0, lease.epoch, "f", outcome=completed(0.1))
    with pytest.raises((DataLossError, UnavailableError)):
        await engine.settled()


async def test_failed_creation_leaves_nothing(world, space, full_disk):
    experiments = await world.open()
    spec = ExperimentSpec(tuner="climber", space=space)
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await experiments.create(spec, request_id="c")
    assert experiments.list() == ()
    assert (await experiments.create(spec, request_id="c")).record().spec.space == space


async def test_what_was_read_while_memory_was_thrown_away_is_void(world, full_disk):
    engine = await world.begin()
    lease = await world.take(engine)
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await engine.finish("w", 0, lease.epoch, "f", outcome=completed(0.1))
        assert engine.trial(0).state is TrialState.SUCCEEDED  # Not thrown away yet.
        with pytest.raises(UnavailableError, match="read again"):
            await engine.settled()
    assert engine.trial(0).state is TrialState.RUNNING
    await engine.settled()


async def test_tuner_is_never_told_what_was_not_stored(world, full_disk, monkeypatch):
    engine = await world.begin()
    leases = [await world.take(engine) for _ in range(2)]
    await world.done(engine, leases[0], 0.1)
    journal = world.opened[-1]._journal
    read, may_read = journal.read, asyncio.Event()

    async def slow_read(*arguments, **named):
        await may_read.wait()
        return await read(*arguments, **named)

    monkeypatch.setattr(journal, "read", slow_read)
    with full_disk():
        with pytest.raises(ExhaustedResourceError):
            await engine.finish("w", 1, leases[1].epoch, "f", outcome=completed(0.9))
        # While the log is read again, the tuner is asked for something.
        asking = asyncio.create_task(engine._conversation.ask(1))
        await asyncio.sleep(0.02)
        may_read.set()
        await healed(engine)
    await asking
    assert [event.proposal.number for event in world.sessions[-1]._taken] == [0, 1, 0, 2]
