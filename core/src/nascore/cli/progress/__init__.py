"""Progress of a search: a live table on a terminal, one plain line an event elsewhere, nothing with ``-q``."""

from nascore.cli.progress.lines import LineReporter
from nascore.cli.progress.live import LiveReporter
from nascore.cli.progress.reporter import QuietReporter, Reporter, choose_reporter
from nascore.cli.progress.tally import Tally

__all__ = ["LineReporter", "LiveReporter", "QuietReporter", "Reporter", "Tally", "choose_reporter"]
