"""Experiments, their limits and their state, as values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from nascore.errors import SettingsError, Violation
from nascore.record.oneshot import Mode, OneShot
from nascore.record.proposal import JsonValue, Objective
from nascore.record.trial import EndReason, TrialState
from nascore.space import SearchSpace


class ExperimentState(StrEnum):
    """Where an experiment stands."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class ExperimentAction(StrEnum):
    """What a person may do with an experiment."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Limits:
    """When an experiment ends, and how failures are treated; ``None`` leaves a limit unset.

    Attributes:
        max_trials: Number of trials that end in any final state.
        max_duration_s: Seconds of running time, pauses not counted.
        target: Value of the first objective that ends the search.
        max_parallel: Most trials leased at the same time.
        max_attempts: How often a lost or retryable trial is begun (3 if unset).
        lease_s: Seconds a lease lasts without a heartbeat (30 if unset).
        max_failures_in_a_row: Failed trials in a row, before any success, that end the experiment (10 if unset).

    Raises:
        SettingsError: If a limit is not above zero or not finite.
    """

    max_trials: int | None = None
    max_duration_s: float | None = None
    target: float | None = None
    max_parallel: int | None = None
    max_attempts: int | None = None
    lease_s: float | None = None
    max_failures_in_a_row: int | None = None

    def __post_init__(self) -> None:
        violations = []
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is None:
                continue
            if not math.isfinite(value) or (limit.name != "target" and value <= 0):
                rule = "a finite number" if limit.name == "target" else "above 0"
                violations.append(Violation(f"limits.{limit.name}", f"{value} is not {rule}."))
        if violations:
            listing = "; ".join(str(violation) for violation in violations)
            raise SettingsError(f"Limits are not valid: {listing}", violations=tuple(violations))

    def updated(self, changes: Limits) -> Limits:
        """Return these limits with the set fields of ``changes`` in their place."""
        names = [limit.name for limit in fields(self)]
        chosen = {name: getattr(changes, name) for name in names}
        return Limits(**{name: getattr(self, name) if chosen[name] is None else chosen[name] for name in names})


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """What is asked for.

    Attributes:
        tuner: Name of an installed or configured tuner, or its address (operators only).
        settings: The tuner's settings; empty for its defaults.
        objectives: At least one; the first decides the target and the best trial.
        limits: When it ends.
        seed: Seed of everything random; ``None`` lets the server draw and record one.
        space: The search space; ``None`` lets the first worker define it.
        name: For people; empty: made from the id.
        mode: In which way the tuner learns; ``None`` until the server has asked it: one-shot if that is all it can,
            multi-trial otherwise.
        one_shot: How a one-shot search goes; ``None`` for its defaults.
    """

    tuner: str
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = (Objective("accuracy"),)
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    space: SearchSpace | None = None
    name: str = ""
    mode: Mode | None = None
    one_shot: OneShot | None = None

    def __post_init__(self) -> None:
        if not self.tuner:
            raise SettingsError("tuner: no name given.", hint="See `nascore tuners` for the installed ones.")
        names = [objective.metric for objective in self.objectives]
        if not names or len(set(names)) != len(names):
            raise SettingsError(f"objectives: need one or more with distinct metrics, got {names}.")
        if self.seed is not None and not 0 <= self.seed < 2**64:
            raise SettingsError(f"seed: {self.seed} is not within 0 and 2^64 - 1.")
        if len(self.name) > 256:
            raise SettingsError("name: longer than 256 characters.")
        if self.mode is Mode.MULTI_TRIAL and self.one_shot is not None:
            raise SettingsError("mode: multi-trial, and yet a one-shot search is described.", hint="Drop one of them.")

    @property
    def search(self) -> OneShot:
        """How a one-shot search goes, defaults filled in."""
        return OneShot() if self.one_shot is None else self.one_shot


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """An experiment and its numbers.

    Attributes:
        id: Its id: letters and digits, sortable by time of creation.
        spec: What was asked for, with the seed and the space filled in as they become known.
        state: Where it stands.
        end_reason: Why it ended; ``None`` if it has not.
        trouble: One sentence on what keeps it from going on; empty for nothing.
        created_at: Unix time in seconds.
        elapsed_s: Running time so far, pauses not counted.
        counts: Number of trials per state.
        seq: Position in its log.
    """

    id: str
    spec: ExperimentSpec
    state: ExperimentState = ExperimentState.RUNNING
    end_reason: EndReason | None = None
    trouble: str = ""
    created_at: float = 0.0
    elapsed_s: float = 0.0
    counts: Mapping[TrialState, int] = field(default_factory=dict)
    seq: int = 0
