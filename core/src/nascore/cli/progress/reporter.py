"""Reporters: who is told of the progress of a search."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from nascore.cli.progress.lines import LineReporter
from nascore.cli.progress.live import LiveReporter
from nascore.cli.progress.tally import Tally
from nascore.record import ExperimentRecord, TrialRecord


class Reporter(Protocol):
    """Is told of everything that happens; called from one thread."""

    def begin(self, record: ExperimentRecord, past: tuple[TrialRecord, ...]) -> None:
        """Begin, with what is there already."""
        ...

    def take(self, record: ExperimentRecord | None, trial: TrialRecord | None) -> None:
        """Take a committed change."""
        ...

    def notice(self, text: str) -> None:
        """Tell a person something beside the changes."""
        ...

    def tick(self) -> None:
        """Show how time goes by; called a few times a second."""
        ...

    def close(self) -> None:
        """End; what is on the screen stays."""
        ...


class QuietReporter:
    """Says nothing."""

    def begin(self, record: ExperimentRecord, past: tuple[TrialRecord, ...]) -> None:
        """Say nothing."""

    def take(self, record: ExperimentRecord | None, trial: TrialRecord | None) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


def choose_reporter(*, is_quiet: bool, workers: int | None) -> Reporter:
    """Return the reporter that fits: none with ``-q``, a live table on a terminal, lines elsewhere.

    Args:
        is_quiet: Whether nothing shall be said.
        workers: Workers that this process starts; ``None`` where they come from elsewhere.
    """
    if is_quiet:
        return QuietReporter()
    tally = Tally(time.monotonic)
    return LiveReporter(tally, workers=workers) if sys.stderr.isatty() else LineReporter(tally)
