"""What the launcher tells a worker through environment variables, read once and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from nascore.errors import SettingsError

from nas_trial.profile.demands import Demands

AWAY_LIMIT = "12h"
"""How long a worker with nothing to train waits for a server that is away: a night."""

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)


class Isolation(StrEnum):
    """Where trials run: each in a process forked for it, or all in the worker's own."""

    FORK = "fork"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class WorkerEnvironment:
    """A worker's place in an experiment.

    Attributes:
        server: Address of the server.
        experiment: Id of the experiment.
        worker: Name of this worker.
        folder: The experiment's folder, with ``logs`` and ``weights`` below; ``None`` if nothing is kept.
        threads: CPU threads of one trial.
        isolation: Where trials run.
        away_limit_s: Seconds for which a worker with nothing to train waits for a server that is away.
        demands: What is demanded of the cost of networks.
        home: Folder of all experiments, where a worker without ``folder`` keeps what the server has not taken.
    """

    server: str
    experiment: str
    worker: str
    folder: Path | None
    threads: int
    isolation: Isolation
    away_limit_s: float
    home: Path
    demands: Demands = field(default_factory=Demands)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> WorkerEnvironment:
        """Read the variables that the launcher sets.

        Raises:
            SettingsError: One is missing or not valid; it is named.
        """
        return cls(
            server=_text(environ, "NASCORE_SERVER"),
            experiment=_text(environ, "NASCORE_EXPERIMENT"),
            worker=_text(environ, "NASCORE_WORKER"),
            folder=Path(environ["NASCORE_FOLDER"]).absolute() if environ.get("NASCORE_FOLDER") else None,
            threads=int(_number(environ, "NASCORE_THREADS", core_count())),
            isolation=_isolation(environ.get("NASCORE_ISOLATION", Isolation.FORK)),
            away_limit_s=_duration(environ, "NASCORE_AWAY_LIMIT", AWAY_LIMIT),
            home=_home(environ),
            demands=Demands.read(environ),
        )


def core_count() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def duration_text(seconds: float) -> str:
    """Return a duration as people write it: ``90 s``, ``12 h``."""
    unit = next((unit for unit in ("h", "m") if seconds >= _SECONDS[unit] and not seconds % _SECONDS[unit]), "s")
    return f"{seconds / _SECONDS[unit]:g} {'min' if unit == 'm' else unit}"


def _home(environ: Mapping[str, str]) -> Path:
    # As nascore.experiment.home_folder, which imports gRPC, and this process may have yet to fork.
    given = environ.get("NASCORE_HOME", "")
    return (Path(given).expanduser() if given else Path.home() / ".nascore").absolute()


def _duration(environ: Mapping[str, str], name: str, default: str) -> float:
    text = environ.get(name) or default
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"{name} is {text!r}; it must be a duration.", hint="Write 90s, 30m, 12h or 2d.")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def _text(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise SettingsError(f"{name} is not set.", hint="Workers are started by `nascore run`; it sets this.")
    return environ[name]


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, str(default))
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number >= 1:
        raise SettingsError(f"{name} is {text!r}; it must be a number of at least 1.")
    return number


def _isolation(text: str) -> Isolation:
    try:
        return Isolation(text)
    except ValueError:
        known = " or ".join(Isolation)
        raise SettingsError(f"NASCORE_ISOLATION is {text!r}; it must be {known}.") from None
