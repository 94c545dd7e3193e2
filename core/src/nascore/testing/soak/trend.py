"""The trend of a soak: how much a process grows in an hour's worth of trials, however its memory jumps meanwhile.

The slope is that of Theil and Sen, the median of the slopes between all pairs of samples: a step or a collection of
garbage moves it little. Pairs are taken within the life of one process, less what it takes to warm up.
Source: P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau" (1968).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from nascore.testing.soak.gauge import HOUR_OF_TRIALS, Sample

WARMING = 0.25
"""Share of a life that is not looked at: modules are imported, caches and pools filled."""
_LEAST = 8
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Trend:
    """How the processes of a role grew.

    Attributes:
        role: The role.
        lives: Processes that were looked at long enough.
        highest_bytes: The most memory that one of them had.
        memory_mib: MiB more in an hour's worth of trials.
        descriptors: More of them over all that was looked at.
    """

    role: str
    lives: int
    highest_bytes: int
    memory_mib: float
    descriptors: float


def trend(samples: Sequence[Sample], role: str) -> Trend | None:
    """Return the trend of a role; ``None`` if no process of it was looked at long enough to say."""
    lives: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.role == role:
            lives[sample.pid].append(sample)
    warm = [life[int(len(life) * WARMING) :] for life in lives.values()]
    looked_at = [life for life in warm if len(life) >= _LEAST and life[-1].ended > life[0].ended]
    if not looked_at:
        return None
    longest = max(life[-1].ended - life[0].ended for life in looked_at)
    memory = median(_slopes(looked_at, lambda sample: sample.memory_bytes))
    descriptors = median(_slopes(looked_at, lambda sample: sample.descriptors))
    return Trend(
        role,
        lives=len(looked_at),
        highest_bytes=max(sample.memory_bytes for sample in samples if sample.role == role),
        memory_mib=memory * HOUR_OF_TRIALS / _MIB,
        descriptors=descriptors * longest,
    )


def _slopes(lives: Sequence[Sequence[Sample]], value: Callable[[Sample], int]) -> Iterator[float]:
    for life in lives:
        for early, late in combinations(life, 2):
            if late.ended > early.ended:
                yield (value(late) - value(early)) / (late.ended - early.ended)
