"""Progress as plain lines: one an event, for logs and pipes."""

from __future__ import annotations

from nascore.cli.duration import format_duration
from nascore.cli.progress.tally import EMPTY_SPACE, Tally, is_empty
from nascore.cli.screen import LINE_WIDTH, say
from nascore.cli.wording import (
    architecture_text,
    limits_text,
    metrics_text,
    name_text,
    objective_text,
    stage_text,
    state_text,
)
from nascore.record import EndReason, ExperimentRecord, ExperimentState, Task, TrialRecord, TrialState


class LineReporter:
    """Prints one line an event on stderr.

    Args:
        tally: Keeps the numbers.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._state: ExperimentState | None = None
        self._trouble = ""
        self._noticed = ""

    def begin(self, record: ExperimentRecord, past: tuple[TrialRecord, ...]) -> None:
        """Say what is searched, by whom, and until when."""
        self._tally.take_record(record)
        self._tally.take_past(past)
        self._state = record.state
        objectives = ", ".join(objective_text(objective) for objective in record.spec.objectives)
        name = name_text(record)
        done = f", {self._tally.done()} trials done already" if past else ""
        say(
            f"experiment {record.id}{f' ({name})' if name else ''}: tuner {record.spec.tuner}, objective {objectives}, "
            f"limits {limits_text(record.spec.limits)}{done}"
        )

    def take(self, record: ExperimentRecord | None, trial: TrialRecord | None) -> None:
        """Print a line if something happened that a person wants to know."""
        if record is not None:
            self._take_record(record)
        if trial is not None:
            self._take_trial(trial)

    def _take_record(self, record: ExperimentRecord) -> None:
        if is_empty(record) and not is_empty(self._tally.record):
            say(EMPTY_SPACE)
        self._tally.take_record(record)
        if record.state is not self._state:
            self._state = record.state
            say(f"experiment {record.id} is {state_text(record)}")
        if record.trouble != self._trouble:
            self._trouble = record.trouble
            self._say_trouble(record)

    def _say_trouble(self, record: ExperimentRecord) -> None:
        """Say what the trouble is, unless that was just said or is the reason of an end, which is told with the end."""
        if not record.trouble:
            self._noticed = ""
            say("the trouble is over")
        elif record.end_reason is not EndReason.FAILED and not _is_part(self._noticed, record.trouble):
            say(f"trouble: {record.trouble}")

    def _take_trial(self, trial: TrialRecord) -> None:
        before = self._tally.trials.get(trial.number)
        is_best = self._tally.take_trial(trial)
        if trial.state.is_final:
            if before is None or not before.state.is_final:
                say(self._ended_text(trial, is_best=is_best))
        elif trial.state is TrialState.RUNNING and (before is None or before.epoch != trial.epoch):
            again = f" (attempt {trial.attempt})" if trial.attempt > 1 else ""
            begins = f"trial {trial.number} begins on {trial.worker}{again}: "
            say(begins + architecture_text(trial, room=LINE_WIDTH - len(begins)))
        elif trial.state is TrialState.QUEUED and before is not None and before.state is TrialState.RUNNING:
            say(f"trial {trial.number} was handed back or lost; it will be begun again")
        elif trial.proposal.task is Task.SEARCH and self._has_new_report(trial, before):
            record = self._tally.record
            say("" if record is None else f"trial {trial.number}: {stage_text(record, (trial,))}")

    def _has_new_report(self, trial: TrialRecord, before: TrialRecord | None) -> bool:
        return bool(trial.reports) and (before is None or trial.reports[-1:] != before.reports[-1:])

    def _ended_text(self, trial: TrialRecord, *, is_best: bool) -> str:
        outcome, failure = trial.outcome, trial.outcome.failure if trial.outcome is not None else None
        what = failure.message if failure is not None else metrics_text(trial, self._tally.objectives)
        took = f" in {format_duration(outcome.duration_s)}" if outcome is not None else ""
        done = "" if self._tally.record is None else f"  {self._progress()}"
        return f"trial {trial.number} {trial.state.value}{took}: {what}{'  (best so far)' if is_best else ''}{done}"

    def _progress(self) -> str:
        record = self._tally.record
        limit = None if record is None else record.spec.limits.max_trials
        return f"[{self._tally.done()}/{limit}]" if limit is not None else f"[{self._tally.done()}]"

    def notice(self, text: str) -> None:
        """Print a line."""
        self._noticed = text
        say(text)

    def tick(self) -> None:
        """Print nothing: time alone is no event."""

    def close(self) -> None:
        """Print nothing."""


def _is_part(noticed: str, trouble: str) -> bool:
    return bool(noticed) and trouble.startswith(noticed)
