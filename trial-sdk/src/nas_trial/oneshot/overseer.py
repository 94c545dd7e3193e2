"""Who watches over a search while it runs: takes its reports, and says what the worker wants of it.

In a process of its own that is the supervisor's channel (``nas_trial.isolation.child``), otherwise
``nas_trial.in_process``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol


class Wish(Enum):
    """What is wanted of a running search."""

    NOTHING = auto()
    SAVE = auto()
    """Save soon, and go on (the server's CHECKPOINT)."""
    END = auto()
    """Save at once, and end: the worker ends, and another attempt goes on."""


class Overseer(Protocol):
    """Watches over a running search; asked by its thread."""

    def report(self, step: int, metrics: Mapping[str, float], /) -> None:
        """Take metrics of an epoch.

        Raises:
            Stopped: The search shall end.
        """

    def wish(self) -> Wish:
        """Say at once what is wanted now.

        Raises:
            Stopped: The search shall end.
        """

    def saved(self) -> None:
        """Hear that what was wished for is done: the search is saved, as far as it can be."""


class Ended(BaseException):
    """The worker ends, and what was saved is all that is left to do: leaves the search, and is caught by the SDK."""


class Onward:
    """Passes on to an overseer what a search says, but no step twice.

    A search that begins again from what was saved comes once more to epochs that it has reported. The server would
    refuse them, for within an attempt steps rise.

    Args:
        overseer: Of one attempt, however often the search begins again.
    """

    def __init__(self, overseer: Overseer) -> None:
        self._overseer = overseer
        self._reported = 0

    def report(self, step: int, metrics: Mapping[str, float], /) -> None:
        """Pass on metrics of an epoch that has not been reported yet; raises as the overseer does."""
        if step > self._reported:
            # Before the call: one that fails may have arrived.
            self._reported = step
            self._overseer.report(step, metrics)

    def wish(self) -> Wish:
        """Pass on what is wanted now; raises as the overseer does."""
        return self._overseer.wish()

    def saved(self) -> None:
        """Pass on that the search is saved."""
        self._overseer.saved()
