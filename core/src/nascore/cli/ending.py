"""The ending of a search: what came of it, where its record is, and what to type next."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nascore.cli.duration import format_duration
from nascore.cli.failure import DONE, SearchFailedError
from nascore.cli.screen import say, show
from nascore.cli.tables import architecture_table, trials_table
from nascore.cli.trials import sorted_trials
from nascore.cli.trusttable import show_trust
from nascore.cli.wording import END_REASONS, count_text, counts_text, done_count
from nascore.record import EndReason, ExperimentRecord, Mode, Task, TrialRecord, TrialState, is_result

_SHOWN = 5
_REASONS = 5
_ITS_NUMBER = re.compile(r"\bTrial \d+: ")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a search ended.

    Attributes:
        record: The experiment.
        trials: Its trials.
        best: The best of them; with several objectives the Pareto front.
        folder: Where its record is.
        exit_code: Not 0 if it was interrupted.
        has_code: Whether the best network can be written as code, because a Python file of the trial is known.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, ...]
    folder: Path
    exit_code: int
    has_code: bool = False

    def show(self) -> int:
        """Print it and return the exit code.

        Raises:
            SearchFailedError: If trials failed and none succeeded, or if it could not go on to its end.
        """
        if self.exit_code != DONE:
            self._show_interrupted()
            return self.exit_code
        if not self.best and self.record.end_reason is not EndReason.STOPPED:
            raise self._failure()
        self._show_best()
        self._show_trust()
        self._show_next()
        if self.record.end_reason is EndReason.FAILED:
            raise self._broken_off()
        return DONE

    def _show_interrupted(self) -> None:
        say(f"Interrupted after {count_text(done_count(self.record), 'trial')}; everything is saved in {self.folder}.")
        say(f"Go on with `nascore resume {self.record.id}`.")

    def _failure(self) -> SearchFailedError:
        failed = [trial for trial in self.trials if trial.state.is_final]
        if refusal := _refusal(failed):
            return SearchFailedError(refusal, where=str(self.folder), hint=self._remedy(failed))
        what = f"{_all_of(len(failed))} failed." if failed else "The search ended without a trial."
        reason = self.record.end_reason
        is_told = reason in (None, EndReason.FAILED) or (failed and reason is EndReason.TRIALS)
        why = "" if is_told or reason is None else f" It ended because {END_REASONS[reason]}."
        return SearchFailedError(
            f"{what}{why} {self.record.trouble}".strip(),
            where=str(self.folder),
            excerpt=reasons_text(failed),
            hint=self._remedy(failed),
        )

    def _broken_off(self) -> SearchFailedError:
        return SearchFailedError(
            f"The search could not go on to its end. {self.record.trouble}".strip(),
            where=str(self.folder),
            hint=f"Mend it, then go on with `nascore resume {self.record.id}`.",
        )

    def _remedy(self, failed: list[TrialRecord]) -> str:
        if failed:
            return f"See `nascore logs {self.record.id} {failed[-1].number}`."
        if self.record.end_reason is EndReason.DURATION:
            return f"Give it more time, for example `nascore resume {self.record.id} --duration 1h`."
        return ""

    def _show_best(self) -> None:
        objectives = self.record.spec.objectives
        shown = list(self.best)
        if len(objectives) == 1:
            done = [trial for trial in self.trials if trial.state is TrialState.SUCCEEDED and is_result(trial)]
            shown = sorted_trials(done, objectives, by=objectives[0].metric)[:_SHOWN]
        if shown:
            show(trials_table(shown, objectives, now=time.time()))
        if shown and shown[0].architecture and (len(shown) == 1 or len(objectives) == 1):
            show("")
            show(architecture_table(shown[0]))

    def _show_trust(self) -> None:
        if self.record.spec.mode is Mode.ONE_SHOT:
            show("")
            show_trust(self.record, self.trials)

    def _show_next(self) -> None:
        record = self.record
        reason = "" if record.end_reason is None else f": {END_REASONS[record.end_reason]}"
        say(f"\nThe search ended after {format_duration(record.elapsed_s)}{reason} ({counts_text(record)}).")
        say(f"Its record is in {self.folder}.")
        what = "--code model.py" if self.has_code else "--best -o best.json"
        say(f"Next:  `nascore best {record.id}`    `nascore export {record.id} {what}`")


def _refusal(failed: list[TrialRecord]) -> str:
    """Return why the only supernet was not searched; empty where there is more, or less, to be said."""
    if len(failed) != 1 or failed[0].proposal.task is not Task.SEARCH or failed[0].outcome is None:
        return ""
    failure = failed[0].outcome.failure
    return "" if failure is None else failure.message.partition("\n")[0]


def _all_of(count: int) -> str:
    return "The only trial" if count == 1 else f"All {count} trials"


def reasons_text(failed: list[TrialRecord]) -> str:
    """Return why trials failed, most frequent first: ``8 × ValueError: …``."""
    reasons = Counter(
        _ITS_NUMBER.sub("", trial.outcome.failure.message.partition("\n")[0])
        for trial in failed
        if trial.outcome is not None and trial.outcome.failure is not None
    )
    return "\n".join(f"{count} × {reason}" for reason, count in reasons.most_common(_REASONS))
