"""The table of a running search in a terminal or notebook: how many trials, and the best of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from nascore.record import ExperimentRecord, ExperimentSpec, TrialRecord
from rich.console import Console
from rich.live import Live
from rich.table import Table

_PAUSE_S = 0.25
_ROWS = 5


class LiveTable:
    """Shows a search while the context lasts, and its end after; nothing where nobody watches."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._metrics = [objective.metric for objective in spec.objectives]
        # Bound to the output as it is now: that of trials is sent to their logs.
        console = Console(file=sys.stdout)
        is_watched = console.is_terminal or console.is_jupyter
        self._shown_at = -_PAUSE_S
        self._live = Live(console=console, auto_refresh=False) if is_watched else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, experiment: ExperimentRecord, best: Sequence[TrialRecord]) -> None:
        """Show how far it is; ``best`` comes best first."""
        if self._live is not None:
            self._live.update(self.table(experiment, best), refresh=True)

    def show_now_and_then(
        self, experiment: Callable[[], ExperimentRecord], best: Callable[[int], Sequence[TrialRecord]]
    ) -> None:
        """Show how far it is, unless that was done a moment ago: trials may be faster than a table is drawn."""
        if self._live is None or time.monotonic() - self._shown_at < _PAUSE_S:
            return
        self._shown_at = time.monotonic()
        self.show(experiment(), best(_ROWS))

    def table(self, experiment: ExperimentRecord, best: Sequence[TrialRecord]) -> Table:
        """Return the table."""
        counts = ", ".join(f"{count} {state.value}" for state, count in experiment.counts.items() if count)
        table = Table("trial", *self._metrics, "architecture", title=f"{experiment.spec.name}: {counts}")
        for trial in best:
            metrics = {} if trial.outcome is None else trial.outcome.metrics
            values = [f"{metrics[name]:.6g}" if name in metrics else "" for name in self._metrics]
            architecture = trial.proposal.architecture
            table.add_row(str(trial.number), *values, "" if architecture is None else architecture.to_json())
        return table
