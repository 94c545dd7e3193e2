"""The ending of a search: what came of it, where its record is, and what to type next."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nascore.cli.duration import format_duration
from nascore.cli.failure import DONE, SearchFailedError
from nascore.cli.screen import say, show
from nascore.cli.tables import architecture_table, trials_table
from nascore.cli.trials import sorted_trials
from nascore.cli.wording import END_REASONS, counts_text, done_count
from nascore.record import EndReason, ExperimentRecord, TrialRecord, TrialState

_SHOWN = 5
_REASONS = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """How a search ended.

    Attributes:
        record: The experiment.
        trials: Its trials.
        best: The best of them; with several objectives the Pareto front.
        folder: Where its record is.
        exit_code: Not 0 if it was interrupted.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    best: tuple[TrialRecord, ...]
    folder: Path
    exit_code: int

    def show(self) -> int:
        """Print it and return the exit code.

        Raises:
            SearchFailedError: If trials failed and none succeeded.
        """
        if self.exit_code != DONE:
            self._show_interrupted()
            return self.exit_code
        if not self.best and self.record.end_reason is not EndReason.STOPPED:
            raise self._failure()
        self._show_best()
        self._show_next()
        return DONE

    def _show_interrupted(self) -> None:
        say(f"Interrupted after {done_count(self.record)} trials; everything is saved in {self.folder}.")
        say(f"Go on with `nascore resume {self.record.id}`.")

    def _failure(self) -> SearchFailedError:
        failed = [trial for trial in self.trials if trial.state.is_final]
        what = f"All {len(failed)} trials failed." if failed else "The search ended without a trial."
        reason = self.record.end_reason
        why = f" It ended because {END_REASONS[reason]}." if reason not in (None, EndReason.FAILED) else ""
        return SearchFailedError(
            f"{what}{why} {self.record.trouble}".strip(),
            where=str(self.folder),
            excerpt=reasons_text(failed),
            hint=f"See `nascore logs {self.record.id} {failed[-1].number}`." if failed else "",
        )

    def _show_best(self) -> None:
        objectives = self.record.spec.objectives
        shown = list(self.best)
        if len(objectives) == 1:
            done = [trial for trial in self.trials if trial.state is TrialState.SUCCEEDED]
            shown = sorted_trials(done, objectives, by=objectives[0].metric)[:_SHOWN]
        if shown:
            show(trials_table(shown, objectives, now=time.time()))
            show("")
        if len(shown) == 1 or (shown and len(objectives) == 1):
            show(architecture_table(shown[0]))

    def _show_next(self) -> None:
        record = self.record
        reason = "" if record.end_reason is None else f": {END_REASONS[record.end_reason]}"
        say(f"\nThe search ended after {format_duration(record.elapsed_s)}{reason} ({counts_text(record)}).")
        say(f"Its record is in {self.folder}.")
        say(f"Next:  `nascore best {record.id}`    `nascore export {record.id} --best -o best.json`")


def reasons_text(failed: list[TrialRecord]) -> str:
    """Return why trials failed, most frequent first: ``8 × ValueError: …``."""
    reasons = Counter(
        trial.outcome.failure.message.partition("\n")[0]
        for trial in failed
        if trial.outcome is not None and trial.outcome.failure is not None
    )
    return "\n".join(f"{count} × {reason}" for reason, count in reasons.most_common(_REASONS))
