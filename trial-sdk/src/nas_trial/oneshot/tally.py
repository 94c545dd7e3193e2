"""The means of an epoch: what samples had for metrics, added up until the epoch is reported."""

from __future__ import annotations

from collections.abc import Mapping

from nascore.record import Outcome, OutcomeStatus, Task

SEARCH_LOSS = "search loss"
"""The mean loss on the search split, beside the training loss, which is ``loss``."""


class Tally:
    """Sums of metrics over samples; failed samples do not count.

    Args:
        sums: Sum and number of values by metric, to go on from.
    """

    def __init__(self, sums: Mapping[str, tuple[float, int]] | None = None) -> None:
        self._sums = dict(sums or {})

    @property
    def sums(self) -> dict[str, tuple[float, int]]:
        """Sum and number of values by metric."""
        return dict(self._sums)

    def add(self, task: Task, outcome: Outcome) -> None:
        """Count the metrics of a sample; those of SCORE are named as the trial names them, but for the loss."""
        if outcome.status is not OutcomeStatus.COMPLETED:
            return
        for name, value in outcome.metrics.items():
            shown = SEARCH_LOSS if name == "loss" and task is not Task.TRAIN else name
            total, count = self._sums.get(shown, (0.0, 0))
            self._sums[shown] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """Return the means, and begin anew."""
        sums, self._sums = self._sums, {}
        return {name: total / count for name, (total, count) in sums.items()}
