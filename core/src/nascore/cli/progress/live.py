"""Progress as a live table: the best so far, how far it is, and the latest trials."""

from __future__ import annotations

import time

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nascore.cli.duration import format_duration
from nascore.cli.progress.tally import EMPTY_SPACE, Tally, is_empty
from nascore.cli.screen import message_console, printable, prose
from nascore.cli.tables import trials_table
from nascore.cli.wording import STATE_STYLES, architecture_text, metrics_text, name_text, stage_text, state_text
from nascore.record import ExperimentRecord, TrialRecord, TrialState

_MOST_ROWS = 8
_OTHER_LINES = 10


class LiveReporter:
    """Draws the tally on a terminal, and again whenever something changes.

    Args:
        tally: Keeps the numbers.
        workers: Workers that this process starts; ``None`` where they come from elsewhere.
    """

    def __init__(self, tally: Tally, *, workers: int | None) -> None:
        self._tally = tally
        self._workers = workers
        self._console = message_console()
        # No refresh thread: everything happens on the thread that also changes the tally.
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def begin(self, record: ExperimentRecord, past: tuple[TrialRecord, ...]) -> None:
        """Draw for the first time."""
        self._tally.take_record(record)
        self._tally.take_past(past)
        self._live.start()
        self.tick()

    def take(self, record: ExperimentRecord | None, trial: TrialRecord | None) -> None:
        """Take a change; it is drawn with the next tick."""
        if record is not None:
            self._tally.take_record(record)
        if trial is not None:
            self._tally.take_trial(trial)

    def notice(self, text: str) -> None:
        """Print a line above the table."""
        self._console.print(prose(text))

    def tick(self) -> None:
        """Draw again."""
        self._live.update(self.render(), refresh=True)

    def close(self) -> None:
        """Leave the heading and the numbers on the screen; the result is printed below them."""
        if self._live.is_started:
            self._live.update(self.render_end(), refresh=True)
            self._live.stop()

    def render(self) -> RenderableType:
        """Return what is drawn."""
        record = self._tally.record
        if record is None:
            return Text("")
        rows = max(1, min(_MOST_ROWS, self._console.height - _OTHER_LINES))
        latest = self._tally.latest(rows)
        parts: list[RenderableType] = [self._heading(record), self._bar(record), self._best_line(), Text("")]
        if latest:
            parts.append(trials_table(latest, record.spec.objectives, now=time.time()))
        else:
            parts.append(Text("Waiting for the first trial …", style="dim"))
        if stage := stage_text(record, self._tally.trials.values()):
            parts.append(Text(printable(stage), style="cyan"))
        if is_empty(record):
            parts.append(Text(EMPTY_SPACE, style="yellow"))
        if record.trouble:
            parts.append(Text(printable(record.trouble), style="red"))
        parts.append(self._counts_line())
        return Group(*parts)

    def render_end(self) -> RenderableType:
        """Return what stays on the screen: without a rate, and without a guess of what is left."""
        record = self._tally.record
        if record is None:
            return Text("")
        return Group(self._heading(record), self._bar(record, is_moving=False), self._counts_line())

    def _heading(self, record: ExperimentRecord) -> RenderableType:
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        line.add_column(no_wrap=True, justify="right")
        name = Text.assemble((printable(record.spec.name), "bold"), "  ", (printable(record.spec.tuner), "cyan"), "  ")
        name.append(record.id if name_text(record) else "")
        workers = "" if self._workers is None else f"{self._workers} worker{'s' * (self._workers != 1)}  "
        line.add_row(name, Text(f"{workers}{format_duration(self._tally.elapsed_s())}", style="dim"))
        return line

    def _bar(self, record: ExperimentRecord, *, is_moving: bool = True) -> RenderableType:
        share, limit = self._tally.share(), record.spec.limits.max_trials
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column(ratio=1)
        line.add_column(no_wrap=True, justify="right")
        bar: RenderableType = Text("") if share is None else ProgressBar(total=1.0, completed=share)
        done = f"{self._tally.done()}/{limit}" if limit is not None else f"{self._tally.done()} done"
        said = (done, self._rate(), self._left(record)) if is_moving else (done,)
        line.add_row(bar, Text("  ".join(part for part in said if part)))
        return line

    def _rate(self) -> str:
        rate = self._tally.rate_per_s()
        if rate is None:
            return ""
        return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"

    def _left(self, record: ExperimentRecord) -> str:
        left = self._tally.left_s()
        if record.end_reason is not None or record.state.value != "running":
            return state_text(record)
        return "" if left is None else f"about {format_duration(left)} left"

    def _best_line(self) -> RenderableType:
        best = self._tally.best
        if best is None:
            return Text("best  none yet", style="dim")
        line = Table.grid(expand=True, padding=(0, 2, 0, 0))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        measured = printable(metrics_text(best, self._tally.objectives))
        what = Text.assemble(("best", "bold green"), "  ", (measured, "bold"), f"  trial {best.number}")
        line.add_row(what, Text(printable(architecture_text(best)), style="dim"))
        return line

    def _counts_line(self) -> RenderableType:
        line = Text()
        for trial_state in TrialState:
            count = self._tally.count(trial_state)
            if count:
                line.append(f"{count} {trial_state.value}  ", style=STATE_STYLES[trial_state.value])
        return line
