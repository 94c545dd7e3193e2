"""Saving a tuner's state holds nobody up, harms nothing when it fails, and is never trusted blindly."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from nascore import failpoints
from nascore.errors import ExhaustedResourceError, TunerCrashedError
from nascore.experiment import snapshots
from nascore.tuner.contract import Determinism


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(snapshots, "ASKS_A_SNAPSHOT", 4)


@pytest.fixture
def disarmed():
    yield
    failpoints.arm("")


async def searched(world, engine, count):
    found = []
    for number in range(count):
        lease = await world.take(engine)
        found.append(lease.proposal)
        await world.done(engine, lease, (number * 7 % 5) / 5)
        while engine._conversation._saver is not None:
            await asyncio.sleep(0.001)
    return found


def stored(world):
    with closing(sqlite3.connect(world.database)) as connection:
        return connection.execute("SELECT asked FROM snapshots ORDER BY place").fetchall()


def keeping(climber, level=Determinism.REPLAY):
    class Keeping(climber):
        determinism = level
        saved = 0

        def snapshot(self):
            type(self).saved += 1
            return b"state"

        def restore(self, state):
            raise AssertionError("not in this test")

    return Keeping


async def test_state_is_saved_every_so_many_proposals_and_two_are_kept(world):
    world.tuner = keeping(world.tuner)
    await searched(world, await world.begin(), 13)
    assert stored(world) == [(8,), (12,)]
    assert world.tuner.saved == 3


async def test_state_is_saved_when_time_has_passed(world):
    world.tuner = keeping(world.tuner)
    engine = await world.begin()
    await searched(world, engine, 2)
    assert stored(world) == []
    world.clock.now += snapshots.SECONDS_A_SNAPSHOT
    await searched(world, engine, 1)
    assert stored(world) == [(3,)]


async def test_state_is_saved_when_the_server_stops(world):
    world.tuner = keeping(world.tuner)
    await searched(world, await world.begin(), 2)
    await world.opened[-1].close()
    assert stored(world) == [(2,)]


async def test_worker_is_not_held_up_by_saving(world):
    saving, goes_on = asyncio.Event(), asyncio.Event()

    def slow(session):
        snapshot = session.snapshot

        async def waiting():
            saving.set()
            await goes_on.wait()
            return await snapshot()

        session.snapshot = waiting
        return session

    world.tuner, world.wrap = keeping(world.tuner), slow
    engine = await world.begin()
    leases = [await world.take(engine, f"w{number}") for number in range(4)]
    await asyncio.wait_for(saving.wait(), 60)
    # The fourth worker has its trial while the state is still being taken.
    assert [lease.trial for lease in leases] == [0, 1, 2, 3]
    assert stored(world) == []
    goes_on.set()
    assert (await world.take(engine, "w4", max_wait_s=5)).trial == 4
    await world.opened[-1].close()
    assert stored(world)[0] == (4,)


@pytest.mark.parametrize("failure", [TunerCrashedError("It fell."), ExhaustedResourceError("It is too large.")])
async def test_state_that_cannot_be_taken_is_not_asked_for_again_and_the_search_goes_on(world, caplog, failure):
    tries = []

    def broken(session):
        async def snapshot():
            tries.append(1)
            raise failure

        session.snapshot = snapshot
        return session

    world.tuner, world.wrap = keeping(world.tuner), broken
    engine = await world.begin()
    await searched(world, engine, 13)
    assert len(tries) == 1
    assert f"is not saved any more, so it is rebuilt by a longer replay. {failure}" in caplog.text
    assert engine.record().trouble == ""


async def test_state_that_covers_something_else_drops_the_tuner(world, caplog):
    def lying(session):
        async def snapshot():
            return b"state", 1_000

        session.snapshot = snapshot
        return session

    world.tuner, world.wrap = keeping(world.tuner), lying
    engine = await world.begin()
    await searched(world, engine, 6)
    assert len(world.sessions) == 2
    assert "saved a state that covers outcome 1000; it was told outcome" in caplog.text
    assert stored(world) == []


async def test_full_disk_costs_the_state_and_nothing_else(world, caplog, disarmed):
    world.tuner = keeping(world.tuner)
    engine = await world.begin()
    failpoints.arm("snapshot.before_save=error:ENOSPC@1")
    await searched(world, engine, 9)
    assert "the state of its tuner was not saved" in caplog.text
    assert stored(world) == [(8,)]


async def test_ask_that_is_not_committed_leaves_no_trace(world, tmp_path, disarmed):
    calm = type(world)(tmp_path / "calm.db")
    expected = await searched(calm, await calm.begin(), 6)
    await calm.opened[-1].close()
    engine = await world.begin()
    found = await searched(world, engine, 3)
    failpoints.arm("ask.before_commit=error:EIO@1")
    with pytest.raises(TunerCrashedError, match="Input/output error"):
        await engine.lease("w", "torn")
    found += await searched(world, engine, 3)
    assert found == expected
