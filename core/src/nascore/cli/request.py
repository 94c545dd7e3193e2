"""What a person asks `nascore run` for, from the command line and from a file, before anything is begun.

Everything is optional here; ``None`` means "not said". Not here: what it becomes (``nascore.cli.plan``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

from nascore.errors import SettingsError
from nascore.record import Direction, JsonValue, Mode, Objective, TunerLimits

_HUB = re.compile(r"hub:[a-z0-9][a-z0-9-]*(\?\S*)?", re.IGNORECASE)
_GPU = re.compile(r"\d+|(GPU|MIG)-[\w./-]+")
_DIRECTIONS = {
    "max": Direction.MAXIMIZE,
    "maximize": Direction.MAXIMIZE,
    "maximise": Direction.MAXIMIZE,
    "min": Direction.MINIMIZE,
    "minimize": Direction.MINIMIZE,
    "minimise": Direction.MINIMIZE,
}


class Isolation(StrEnum):
    """How trials are kept apart."""

    FORK = "fork"
    """A process a trial: a crash, a leak or running out of memory ends only that trial."""
    NONE = "none"
    """All trials of a worker in one process: a little faster to begin, and what one breaks stays broken."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for; ``None`` where nothing was said.

    Attributes:
        name: Name of the experiment.
        trial_file: The Python file of the trial.
        trial_command: The command of a worker, in any language.
        folder: Where workers run.
        parallel: Trials at the same time.
        trials, duration_s, target: When the search ends.
        space_file: The search space as JSON, ours or NNI's; unset: the trial defines it.
        hub: A space of the hub that stands in for the trial's own model, such as ``hub:darts?width=8``.
        tuner: Name or address of the tuner.
        settings: The tuner's settings.
        objectives: What is optimised.
        seed: Seed of everything random.
        isolation: How trials are kept apart.
        gpus: The GPUs to use, as CUDA_VISIBLE_DEVICES names them; empty: none; unset: all that are there.
        is_tuner_insecure: Whether a tuner on another machine may be spoken to without TLS.
        maxima: The most that the figures of a network may be, by name.
        profile: Figures of networks that are reported with their metrics.
        mode: Whether networks or supernets are trained.
        one_shot: What is said of a one-shot search, by field; see ``nascore.cli.oneshot``.
        tuner_limits: What the tuner may take.
        max_attempts, max_failures_in_a_row, lease_s: As in ``nascore.record.Limits``.
    """

    name: str | None = None
    trial_file: Path | None = None
    trial_command: tuple[str, ...] | None = None
    folder: Path | None = None
    parallel: int | None = None
    trials: int | None = None
    duration_s: float | None = None
    target: float | None = None
    space_file: Path | None = None
    hub: str | None = None
    tuner: str | None = None
    settings: Mapping[str, JsonValue] | None = None
    objectives: tuple[Objective, ...] | None = None
    seed: int | None = None
    isolation: Isolation | None = None
    gpus: tuple[str, ...] | None = None
    max_attempts: int | None = None
    max_failures_in_a_row: int | None = None
    lease_s: float | None = None
    is_tuner_insecure: bool | None = None
    maxima: Mapping[str, float] | None = None
    profile: tuple[str, ...] | None = None
    mode: Mode | None = None
    one_shot: Mapping[str, JsonValue] | None = None
    tuner_limits: TunerLimits | None = None

    def overridden_by(self, other: RunRequest) -> RunRequest:
        """Return this request with everything that ``other`` says in its place.

        Limits of figures and of the tuner are joined one by one, and so are parts of a one-shot search. So are
        settings, unless ``other`` names another tuner, which they were not written for.
        """
        said = {item.name: value for item in fields(other) if (value := getattr(other, item.name)) is not None}
        is_same_tuner = other.tuner in (None, self.tuner)
        if is_same_tuner and self.settings and other.settings:
            said["settings"] = {**self.settings, **other.settings}
        elif not is_same_tuner:
            said.setdefault("settings", {})
        if self.maxima and other.maxima:
            said["maxima"] = {**self.maxima, **other.maxima}
        if self.one_shot and other.one_shot:
            said["one_shot"] = {**self.one_shot, **other.one_shot}
        if self.tuner_limits and other.tuner_limits:
            said["tuner_limits"] = self.tuner_limits.overridden_by(other.tuner_limits)
        if "trial_file" in said:
            said.setdefault("trial_command", None)
        if "hub" in said or "space_file" in said:
            said = {"hub": None, "space_file": None} | said
        return replace(self, **said)


def parse_objective(text: str) -> Objective:
    """Return the objective in ``accuracy``, ``accuracy:max`` or ``latency_ms:min``.

    Raises:
        SettingsError: If there is no name, or no such direction.
    """
    metric, separator, word = text.rpartition(":")
    if not separator:
        return Objective(text)
    return Objective(metric, parse_direction(word))


def parse_direction(word: str) -> Direction:
    """Return a direction from ``max``, ``maximize``, ``min`` or ``minimize``.

    Raises:
        SettingsError: If it is another word.
    """
    direction = _DIRECTIONS.get(word.strip().lower())
    if direction is None:
        raise SettingsError(f"`{word}` is not a direction.", hint="Write `max` or `min`, for example accuracy:max.")
    return direction


def parse_space(text: str) -> Path | str:
    """Return the path of a space file, or a space of the hub as it stands: ``hub:darts?width=8``.

    Raises:
        SettingsError: If it begins like a space of the hub and is none.
    """
    if not text.startswith("hub:"):
        return Path(text)
    if not _HUB.fullmatch(text):
        raise SettingsError(
            f"`{text}` is no space of the hub.", hint="Write for example hub:darts or hub:darts?width=8&layers=5."
        )
    return text


def parse_gpus(text: str) -> tuple[str, ...]:
    """Return GPUs from ``0,2`` or ``none``, as CUDA_VISIBLE_DEVICES names them.

    Raises:
        SettingsError: If it is neither.
    """
    if text.strip().lower() in ("none", ""):
        return ()
    words = tuple(word.strip() for word in text.split(","))
    if not all(_GPU.fullmatch(word) for word in words) or len(set(words)) != len(words):
        raise SettingsError(f"`{text}` is not a list of GPUs.", hint="Write their indices, for example 0,1; or none.")
    return words
