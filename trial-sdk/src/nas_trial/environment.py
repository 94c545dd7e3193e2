"""What the launcher tells a worker through environment variables, read once and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nascore.errors import SettingsError


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
        patience_s: Seconds without an answer of the server after which the worker gives up.
    """

    server: str
    experiment: str
    worker: str
    folder: Path | None
    threads: int
    isolation: Isolation
    patience_s: float

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
            patience_s=_number(environ, "NASCORE_PATIENCE_S", 300),
        )


def core_count() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
