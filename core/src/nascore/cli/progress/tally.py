"""The tally of a search: what is known of it so far, kept up to date change by change.

Not here: what it looks like (``live``, ``lines``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from nascore.record import ExperimentRecord, Objective, TrialRecord, TrialState, is_result

_RATE_OVER = 30
_RANKED = (TrialState.SUCCEEDED,)


EMPTY_SPACE = (
    "The model has no choices, so every trial is the same network; put nas.LayerChoice or nas.ValueChoice in it."
)


def is_empty(record: ExperimentRecord | None) -> bool:
    """Whether the space of an experiment is known and has no decision."""
    return record is not None and record.spec.space is not None and not record.spec.space.decisions


class Tally:
    """What is known of a search so far.

    Args:
        clock: Monotonic seconds.

    Attributes:
        record: The experiment as last seen; ``None`` before the first change.
        trials: Its trials by number.
        best: The best trial by the first objective; ``None`` if none succeeded.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_at = clock()
        self._elapsed_s = (0.0, clock())
        self._finishes: deque[float] = deque(maxlen=_RATE_OVER)
        self.record: ExperimentRecord | None = None
        self.trials: dict[int, TrialRecord] = {}
        self.best: TrialRecord | None = None

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is optimised; empty before the first change."""
        return () if self.record is None else self.record.spec.objectives

    def take_record(self, record: ExperimentRecord) -> None:
        """Take the experiment as it is now."""
        if self.record is None or record.elapsed_s != self._elapsed_s[0]:
            self._elapsed_s = (record.elapsed_s, self._clock())
        self.record = record

    def take_past(self, trials: tuple[TrialRecord, ...]) -> None:
        """Take the trials of an experiment that is gone on with; they do not count for the rate."""
        for trial in trials:
            self.trials[trial.number] = trial
            self._consider(trial)

    def take_trial(self, trial: TrialRecord) -> bool:
        """Take a trial as it is now, and return whether it is the best so far."""
        before = self.trials.get(trial.number)
        self.trials[trial.number] = trial
        if trial.state.is_final and (before is None or not before.state.is_final):
            self._finishes.append(self._clock())
            return self._consider(trial)
        return False

    def _consider(self, trial: TrialRecord) -> bool:
        score = self._score(trial)
        if score is None:
            return False
        best = None if self.best is None else self._score(self.best)
        if best is not None and score <= best:
            return False
        self.best = trial
        return True

    def _score(self, trial: TrialRecord) -> float | None:
        if trial.state not in _RANKED or trial.outcome is None or not self.objectives or not is_result(trial):
            return None
        objective = self.objectives[0]
        return objective.score(trial.outcome.metrics) if objective.metric in trial.outcome.metrics else None

    def done(self) -> int:
        """Return the number of trials that have ended."""
        return sum(trial.state.is_final for trial in self.trials.values())

    def count(self, state: TrialState) -> int:
        """Return the number of trials in a state."""
        return sum(trial.state is state for trial in self.trials.values())

    def elapsed_s(self) -> float:
        """Return the running time of the experiment up to this moment, pauses not counted."""
        known, seen_at = self._elapsed_s
        return known + (self._clock() - seen_at)

    def rate_per_s(self) -> float | None:
        """Return ended trials a second over the last thirty; ``None`` before two have ended."""
        if len(self._finishes) < 2:
            return None
        span = self._clock() - (self._finishes[0] if len(self._finishes) == _RATE_OVER else self._began_at)
        return len(self._finishes) / span if span > 0 else None

    def left_s(self) -> float | None:
        """Return the seconds until a limit ends the search, by the present rate; ``None`` if that is not known."""
        if self.record is None:
            return None
        limits, guesses = self.record.spec.limits, []
        rate = self.rate_per_s()
        if limits.max_trials is not None and rate is not None:
            guesses.append(max(0, limits.max_trials - self.done()) / rate)
        if limits.max_duration_s is not None:
            guesses.append(max(0.0, limits.max_duration_s - self.elapsed_s()))
        return min(guesses, default=None)

    def share(self) -> float | None:
        """Return how much is done, from 0 to 1, by the limit that is nearest; ``None`` without limits."""
        if self.record is None:
            return None
        limits, shares = self.record.spec.limits, []
        if limits.max_trials is not None:
            shares.append(self.done() / limits.max_trials)
        if limits.max_duration_s is not None:
            shares.append(self.elapsed_s() / limits.max_duration_s)
        return min(1.0, max(shares)) if shares else None

    def latest(self, count: int) -> list[TrialRecord]:
        """Return trials to show: running ones first, then those that ended last."""
        begun = [trial for trial in self.trials.values() if trial.state is not TrialState.QUEUED]
        begun.sort(key=lambda trial: (trial.state.is_final, -trial.finished_at, -trial.number))
        return begun[:count]
