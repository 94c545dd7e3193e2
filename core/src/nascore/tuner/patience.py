"""How often a tuner may die, and how long to wait before it is started again."""

from __future__ import annotations

from collections import Counter

from nascore.tuner.limits import HostLimits


class Patience:
    """Counts deaths by event; ends when one event was too deadly too often.

    An event that succeeds is forgiven; others are not, so that a tuner that always dies on one trial is found out even
    if it answers everything else.

    Args:
        limits: Number of deaths and seconds to wait.

    Attributes:
        verdict: Why it has ended, in one sentence; empty while it lasts.
    """

    def __init__(self, limits: HostLimits) -> None:
        self.verdict = ""
        self._limits = limits
        self._deaths: Counter[str] = Counter()
        self._losses = 0

    def died(self, event: str, sentence: str) -> bool:
        """Count a death; returns whether it was the last one to be borne."""
        self._losses += 1
        self._deaths[event] += 1
        deaths = self._deaths[event]
        if self.verdict or deaths < self._limits.max_deaths:
            return False
        self.verdict = f"Quarantined after {deaths} deaths on the same event. {sentence}"
        return True

    def lived(self, event: str) -> None:
        """Forgive an event that succeeded."""
        del self._deaths[event]
        self._losses = 0

    def delay_s(self) -> float:
        """Return the seconds to wait before the next start: none at first, then doubled until something succeeds."""
        if self._losses == 0:
            return 0.0
        return min(self._limits.backoff_s * 2.0 ** min(self._losses - 1, 30), self._limits.max_backoff_s)
