"""Rounds of paired samples: every contender once a round, in shuffled order, compared by ratios.

Absolute times on shared machines are noise; the ratio of two samples of one round is not. Reported are the median and a
bootstrap interval over rounds.
"""

from __future__ import annotations

import json
import platform
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Ratio:
    """Peer time over ours: median, and the 5 % and 95 % bounds of a bootstrap over rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g}x [{self.low:.3g}, {self.high:.3g}]"


def measure(contenders: Mapping[str, Callable[[], float]], *, rounds: int, seed: int = 0) -> dict[str, list[float]]:
    """Return the samples of each contender; each call returns its time per operation in seconds."""
    rng = random.Random(seed)
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in rng.sample(sorted(contenders), len(contenders)):
            samples[name].append(contenders[name]())
    return samples


def ratio(peer: Sequence[float], ours: Sequence[float], *, seed: int = 0) -> Ratio:
    """Return how many times longer the peer takes, pairing samples of the same round."""
    rng = random.Random(seed)
    ratios = [one / other for one, other in zip(peer, ours, strict=True)]
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(1000))
    return Ratio(statistics.median(ratios), medians[50], medians[949])


def machine(*packages: str) -> str:
    """Return one JSON line that says where and with what was measured."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return json.dumps({"python": platform.python_version(), "machine": platform.machine(), **versions})


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
