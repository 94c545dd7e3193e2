import asyncio

from nascore.experiment.watching import RING
from nascore.record import ExperimentAction, TrialState


async def gather(stream, until):
    seen = []
    async for change in stream:
        seen.append(change)
        if change.seq >= until:
            return seen
    return seen


async def test_watcher_sees_each_change_in_order(world):
    engine = await world.begin()
    watching = asyncio.create_task(gather(engine.watch(), 5))
    await asyncio.sleep(0.01)
    lease = await world.take(engine)
    await world.done(engine, lease)
    await engine.update("p", action=ExperimentAction.PAUSE)
    seen = await watching
    assert [change.seq for change in seen] == [1, 2, 3, 4, 5]
    states = [change.trial.state for change in seen if change.trial]
    assert states == [TrialState.QUEUED, TrialState.RUNNING, TrialState.SUCCEEDED]
    assert [change.experiment is not None for change in seen] == [True, False, False, True, True]


async def test_late_watcher_gets_what_changed_since_a_position(world):
    engine = await world.begin()
    for _ in range(3):
        await world.done(engine, await world.take(engine))
    seq = engine.record().seq
    seen = await gather(engine.watch(), seq)
    assert [change.trial.number for change in seen if change.trial] == [0, 1, 2]
    assert seen[-1].experiment.counts[TrialState.SUCCEEDED] == 3
    late = await gather(engine.watch(after_seq=seq - 3), seq)
    assert [change.trial.number for change in late if change.trial] == [2]


async def test_slow_watcher_misses_steps_but_no_trial_and_memory_is_bounded(world):
    engine = await world.begin()
    stream = engine.watch()
    await anext(stream)
    lease = await world.take(engine)
    await asyncio.gather(
        *(engine.report("w", 0, lease.epoch, f"r{n}", step=n, metrics={"loss": 1.0}) for n in range(RING + 50))
    )
    assert len(engine._ledger.feed._ring) == RING
    await world.done(engine, lease)
    seen = await gather(stream, engine.record().seq)
    assert len(seen) == 1
    assert seen[0].experiment.counts[TrialState.SUCCEEDED] == 1
    assert seen[0].trial.state is TrialState.SUCCEEDED
    await stream.aclose()
    assert not engine._ledger.feed._ring


async def test_only_committed_changes_are_seen(world):
    engine = await world.begin()
    stream = engine.watch(after_seq=1)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.01)
    journal = world.opened[-1]._journal
    flush, journal._flush = journal._flush, lambda: None
    lease = asyncio.create_task(world.take(engine))
    while engine.record().seq < 3:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    assert engine.record().seq == 3
    assert not first.done()
    assert not lease.done()
    journal._flush = flush
    flush()
    assert (await first).seq == 2
    await lease
    await stream.aclose()


async def test_watching_ends_with_the_engine(world):
    engine = await world.begin()
    watching = asyncio.create_task(gather(engine.watch(), 99))
    await asyncio.sleep(0.01)
    await world.opened[-1].close()
    assert [change.seq for change in await watching] == [1]


async def test_watcher_that_begins_during_a_write_gets_the_experiment_after_it(world):
    engine = await world.begin()
    for _ in range(3):
        await world.done(engine, await world.take(engine))
    journal = world.opened[-1]._journal
    flush, journal._flush = journal._flush, lambda: None
    seq = engine.record().seq
    lease = asyncio.create_task(world.take(engine))
    while engine.record().seq < seq + 2:
        await asyncio.sleep(0.001)
    stream = engine.watch()
    before = [await anext(stream) for _ in range(3)]
    assert [change.trial.number for change in before] == [0, 1, 2]
    journal._flush = flush
    flush()
    await lease
    after = await gather(stream, engine.record().seq)
    records = [change.experiment for change in (*before, *after) if change.experiment]
    assert records[-1].counts[TrialState.RUNNING] == 1
    await stream.aclose()
