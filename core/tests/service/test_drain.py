"""Draining interrupts what waits, and nothing else."""

import asyncio

import pytest
from nascore.errors import UnavailableError
from nascore.service.drain import Drain


async def test_wait_becomes_unavailable() -> None:
    drain = Drain()

    async def waiting() -> None:
        with drain.interruptible():
            await asyncio.sleep(60)

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    drain.begin()
    with pytest.raises(UnavailableError, match="shutting down"):
        await task
    assert task.cancelling() == 0


async def test_cancellation_by_the_caller_stays_one() -> None:
    drain = Drain()

    async def waiting() -> None:
        with drain.interruptible():
            await asyncio.sleep(60)

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    drain.begin()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_is_left_alone() -> None:
    drain = Drain()

    async def working() -> str:
        with drain.interruptible(waits=False):
            await asyncio.sleep(0.01)
        return "done"

    task = asyncio.create_task(working())
    await asyncio.sleep(0)
    drain.begin()
    assert await task == "done"


async def test_no_wait_begins_after_the_drain() -> None:
    drain = Drain()
    drain.begin()
    with pytest.raises(UnavailableError):
        with drain.interruptible():
            raise AssertionError("not reached")
