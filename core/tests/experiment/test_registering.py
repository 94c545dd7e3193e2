import asyncio
import sqlite3
from contextlib import closing

import pytest
from nascore.errors import ExhaustedResourceError, UnavailableError
from nascore.experiment import archive
from nascore.record import LeaseStatus


class SlowSession:
    """A session that opens when it is let."""

    def __init__(self, session, gate):
        self.session, self.gate, self.is_closed = session, gate, False
        self.begun = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self.session, name)

    async def open(self, *arguments, **keywords):
        self.begun.set()
        await self.gate.wait()
        await self.session.open(*arguments, **keywords)

    async def close(self):
        self.is_closed = True
        await self.session.close()


@pytest.fixture
def gate(world):
    made = asyncio.Event()
    world.wrap = lambda session: SlowSession(session, made)
    return made


async def test_worker_that_leaves_does_not_break_off_the_opening_for_others(world, gate, space):
    engine = await world.begin(space=None)
    leaving = asyncio.create_task(engine.register_space("impatient", space))
    staying = asyncio.create_task(engine.register_space("patient", space))
    await world.sessions[0].begun.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert not world.sessions[0].is_closed
    gate.set()
    await staying
    assert len(world.sessions) == 1
    await world.take(engine)


async def test_opening_that_nobody_waits_for_any_more_goes_on(world, gate, space):
    engine = await world.begin(space=None)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.register_space("w", space), 0.02)
    gate.set()
    await engine.register_space("w", space)
    assert len(world.sessions) == 1


async def test_closing_breaks_an_opening_off_and_says_so(world, gate, space):
    engine = await world.begin(space=None)
    registering = asyncio.create_task(engine.register_space("w", space))
    await world.sessions[0].begun.wait()
    await asyncio.wait_for(world.opened[-1].close(), 60)
    with pytest.raises(UnavailableError, match="stopping"):
        await registering
    assert world.sessions[0].is_closed


async def test_worker_that_is_late_starts_no_tuner_after_the_end(world, space):
    engine = await world.begin(space=None)
    sessions = len(world.sessions)
    registering = asyncio.create_task(engine.register_space("w", space))
    await asyncio.sleep(0)  # The space is written, and not stored yet.
    await asyncio.wait_for(world.opened[-1].close(), 60)
    with pytest.raises(UnavailableError, match="stopping"):
        await asyncio.wait_for(registering, 60)
    assert len(world.sessions) == sessions


async def test_space_that_was_not_stored_is_not_acknowledged(world, gate, space, full_disk):
    engine = await world.begin(space=None)
    with full_disk():
        registering = asyncio.create_task(engine.register_space("w", space))
        await asyncio.sleep(0.05)
        gate.set()
        with pytest.raises(ExhaustedResourceError):
            await registering
    assert engine.record().spec.space is None
    await engine.register_space("w", space)
    assert (await engine.lease("w", "L")).status is LeaseStatus.GRANTED


async def test_trouble_of_the_tuner_before_the_creation_is_written_leaves_no_log(world, space):
    class Dying(SlowSession):
        async def open(self, *arguments, **keywords):
            self.on_trouble("The tuner was lost in open.")
            raise UnavailableError("gone")

    connect = world.connect

    async def troubled(name, history, on_trouble):
        session = await connect(name, history, on_trouble)
        session.on_trouble = on_trouble
        return session

    world.wrap = lambda session: Dying(session, None)
    world.connect = troubled
    with pytest.raises(UnavailableError, match="gone"):
        await world.begin()
    await world.opened[-1].close()
    assert (await world.open()).list() == ()
    with closing(sqlite3.connect(world.database)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    assert archive.find(world.database.parent) == ()
