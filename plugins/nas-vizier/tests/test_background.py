"""Coroutines for threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from nas_vizier.background import Background
from nascore.errors import StateError


async def where() -> threading.Thread:
    await asyncio.sleep(0)
    return threading.current_thread()


def test_all_threads_share_one_loop_in_a_thread_of_its_own():
    background = Background()
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: background.run(where()), range(20)))
    assert len(found) == 1
    assert threading.current_thread() not in found
    background.close()
    assert not found.pop().is_alive()


def test_what_a_coroutine_raises_reaches_the_caller():
    async def fail() -> None:
        raise ValueError("It failed.")

    background = Background()
    with pytest.raises(ValueError, match=r"It failed\."):
        background.run(fail())
    background.close()


def test_a_closed_one_runs_nothing():
    background = Background()
    background.close()
    background.close()
    with pytest.raises(StateError, match="closed"):
        background.run(where())
