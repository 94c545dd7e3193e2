"""One search of a benchmark through the command line, and what its record says afterwards.

Not here: which searches there are (``digits_oneshot``, ``nasbench201_oneshot``).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@dataclass(frozen=True, slots=True)
class Contender:
    """A tuner with what is said about it on the command line."""

    name: str
    tuner: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of a search.

    Attributes:
        name: The contender.
        seed: Its seed.
        trials: As ``nascore trials --json`` gives them; none where the search failed.
        trust: As ``nascore show --trust --json`` gives it; empty where there is none.
        seconds: From the first to the last of it.
        processor_s: Processor seconds of everything that ran.
        peak_gb: The largest of its processes, in GB.
        message: The last line that was said.
    """

    name: str
    seed: int
    trials: Sequence[Mapping[str, Any]]
    trust: Mapping[str, Any]
    seconds: float
    processor_s: float
    peak_gb: float
    message: str = field(default="")

    @property
    def failure(self) -> str:
        """Why there is no result; empty if there is one."""
        if not self.trials:
            return self.message
        if any(trial["state"] == "succeeded" for trial in self.trials):
            return ""
        failures = [trial["failure"]["message"] for trial in self.trials if trial["failure"]]
        return failures[0] if failures else self.message


def searched(
    contender: Contender, experiment: Path, *, seed: int, home: Path, environment: Mapping[str, str]
) -> Searched:
    """Run a search to its end.

    Args:
        contender: The tuner.
        experiment: A trial or an experiment file.
        seed: Of everything random.
        home: Where its record is kept; a folder for this search alone, so that no other is the last one.
        environment: Variables beside those of this process.
    """
    variables = {**os.environ, "NASCORE_HOME": str(home), **environment}
    arguments = ["run", str(experiment), "--tuner", contender.tuner, *contender.options, "--seed", str(seed), "-q"]
    begun = time.monotonic()
    usage, message = _watched(arguments, variables)
    seconds = time.monotonic() - begun
    trials = _nascore(["trials", "last", "--json"], variables)
    trust = _nascore(["show", "last", "--trust", "--json"], variables)
    return Searched(
        contender.name,
        seed,
        trials=json.loads(trials.stdout) if trials.returncode == 0 else (),
        trust=json.loads(trust.stdout) if trust.returncode == 0 else {},
        seconds=seconds,
        processor_s=usage.ru_utime + usage.ru_stime,
        peak_gb=usage.ru_maxrss / 1e6,  # it is in kB
        message=message,
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown has them."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "nascore", *arguments]


def _watched(arguments: Sequence[str], variables: Mapping[str, str]) -> tuple[resource.struct_rusage, str]:
    """Runs it; returns what it and all processes beneath it used, and the last line that was said."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(_command(arguments), env=dict(variables), stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return usage, (said.read().strip().splitlines() or [""])[-1]


def _nascore(arguments: Sequence[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(arguments), env=dict(variables), capture_output=True, text=True, check=False)
