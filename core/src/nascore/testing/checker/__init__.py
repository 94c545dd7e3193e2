"""The checker: holds what clients were told against the log, each trial a small state machine.

Not here: recording histories (``nascore.testing.history``), and the faults that put them to the test.
"""

from nascore.testing.checker.evidence import judged_folder, keep_judgement, keep_log
from nascore.testing.checker.judge import Judgement, judged
from nascore.testing.checker.logbook import Logged, entries_of_database, log_of
from nascore.testing.checker.violation import Rule, Violation

__all__ = [
    "Judgement",
    "Logged",
    "Rule",
    "Violation",
    "entries_of_database",
    "judged",
    "judged_folder",
    "keep_judgement",
    "keep_log",
    "log_of",
]
