"""The watchdog kills what holds too much, says so, and never looks more often than it may."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from nascore.tuner.limits import HostLimits
from nascore.tuner.watchdog import watch_memory

LIMITS = HostLimits(memory_bytes=100 * 2**20, watch_interval_s=0.5)


@dataclass
class Process:
    """Holds what the test says, and ends after that."""

    sizes: list[int]
    cost_s: float = 0.0
    is_running: bool = True
    kills: int = 0
    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def memory_bytes(self) -> int:
        self.now += self.cost_s
        size = self.sizes.pop(0)
        self.is_running = bool(self.sizes)
        return size

    def kill(self) -> None:
        self.kills += 1


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    return found


async def test_process_above_the_limit_is_killed_with_a_sentence(pauses: list[float]) -> None:
    process = Process([50 * 2**20, 100 * 2**20, 101 * 2**20, 0])
    sentence = await watch_memory(process, limits=LIMITS, clock=process.clock)  # type: ignore[arg-type]  # as much of one as is needed
    assert sentence == "it used 101 MiB, above the limit of 100 MiB, and was ended before it could harm others."
    assert process.kills == 1
    assert pauses == [0.5, 0.5]


async def test_process_that_ended_by_itself_is_not_killed(pauses: list[float]) -> None:
    process = Process([50 * 2**20, 200 * 2**20])
    assert await watch_memory(process, limits=LIMITS, clock=process.clock) == ""  # type: ignore[arg-type]  # as above
    assert process.kills == 0


async def test_looks_that_are_dear_become_rare(pauses: list[float]) -> None:
    process = Process([1, 1, 1], cost_s=0.02)
    await watch_memory(process, limits=LIMITS, clock=process.clock)  # type: ignore[arg-type]  # as above
    assert pauses == pytest.approx([2.0, 2.0, 2.0])
