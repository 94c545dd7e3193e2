"""Rounds of paired samples: every contender once a round, in shuffled order, compared by ratios.

Absolute times on shared machines are noise; the ratio of two samples of one round is not. Reported are the median and a
bootstrap interval over rounds. Every sample is kept as a JSON line, with how many cores strangers used meanwhile.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import processor
import psutil

Values = Mapping[str, float]
LEFT_OUT = math.nan
"""Stands for a sample that failed; ratios leave its round out."""


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


def collect(
    topic: str, contenders: Mapping[str, Callable[[], Values]], *, rounds: int, record: Path, seed: int = 0
) -> dict[str, list[Values]]:
    """Return the samples of each contender, one a round, and append them to a file of JSON lines.

    A contender that fails has an empty sample in that round, with the reason in the file; the others go on.
    """
    rng = random.Random(seed)
    samples: dict[str, list[Values]] = {name: [] for name in contenders}
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(machine("nascore", "grpcio", "protobuf", "uvloop", "optuna", "SQLAlchemy") + "\n")
        for number in range(rounds):
            for name in rng.sample(sorted(contenders), len(contenders)):
                values, about = _sampled(contenders[name])
                samples[name].append(values)
                sample = {"topic": topic, "round": number, "name": name, **about, "values": values}
                lines.write(json.dumps(sample) + "\n")
                lines.flush()
                print(f"{topic}: round {number + 1} of {rounds}, {name}: {about}", file=sys.stderr, flush=True)
    return samples


def _sampled(contender: Callable[[], Values]) -> tuple[Values, dict[str, float | str]]:
    busy, own, begun = _busy_seconds(), processor.own_seconds(), time.monotonic()
    about: dict[str, float | str] = {}
    values: Values = {}
    try:
        values = contender()
    except (Exception, SystemExit) as error:
        about["failed"] = _reason(error)[:500]
    took = time.monotonic() - begun
    strangers = (_busy_seconds() - busy) - (processor.own_seconds() - own)
    return values, {**about, "seconds": round(took, 2), "strangers": round(max(0.0, strangers) / took, 2)}


def _reason(error: BaseException) -> str:
    """Return what went wrong; of errors that came together the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def column(samples: Sequence[Values], key: str) -> list[float]:
    """Return one number of every round; NaN where the sample failed."""
    return [float(sample.get(key, LEFT_OUT)) for sample in samples]


def median(values: Sequence[float]) -> float:
    """Return the median of what was measured; NaN if nothing was."""
    present = [value for value in values if not math.isnan(value)]
    return statistics.median(present) if present else LEFT_OUT


def ratio(peer: Sequence[float], ours: Sequence[float], *, seed: int = 0) -> Ratio:
    """Return how many times larger the peer's are, pairing samples of the same round."""
    rng = random.Random(seed)
    ratios = [one / other for one, other in zip(peer, ours, strict=True) if other]
    ratios = [value for value in ratios if not math.isnan(value)]
    if not ratios:
        return Ratio(LEFT_OUT, LEFT_OUT, LEFT_OUT)
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
    about = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load": round(os.getloadavg()[0], 1),
        "commit": _commit(),
    }
    return json.dumps({**about, **versions})


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def number(value: float, digits: int = 2) -> str:
    """Return a number for a table; a dash for what was not measured."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}f}"


def options(description: str, *, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """Return the parser of what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="how long each sample is measured")
    parser.add_argument("--quick", action="store_true", help="one short round of few contenders: does it work?")
    parser.add_argument("--record", type=Path, default=Path(".benchmarks/samples.jsonl"), help="JSON lines go here")
    return parser
