"""When what happens: batches and epochs of a schedule, and what is annealed along it.

An epoch is so many TRAIN batches, shared among the workers. Not here: what happens (``mixture_tuner``).
"""

from __future__ import annotations

from dataclasses import dataclass

from nascore.tuner import Schedule


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule in batches.

    Attributes:
        schedule: Epochs to warm up and to search.
        batches_per_epoch: TRAIN batches of one epoch, 1 or more.
        frozen_share: Share of the search epochs, at their beginning, in which nothing is learnt about architectures.
    """

    schedule: Schedule
    batches_per_epoch: int
    frozen_share: float = 0.0

    @property
    def batches(self) -> int:
        """TRAIN batches of the whole schedule."""
        return (self.schedule.warmup_epochs + self.schedule.epochs) * self.batches_per_epoch

    @property
    def first_learnt(self) -> int:
        """The first batch with which something is learnt about architectures."""
        frozen = round(self.frozen_share * self.schedule.epochs * self.batches_per_epoch)
        return self.schedule.warmup_epochs * self.batches_per_epoch + frozen

    def steps(self, *, workers: int, every: int) -> int:
        """Return how often something is learnt about architectures, a turn of all workers with every so many."""
        turns = -(-(self.batches - self.first_learnt) // workers)
        return -(-turns // every)

    def epoch(self, batch: int) -> int:
        """Return the epoch of search that a batch belongs to, from 0; 0 during warm-up."""
        return max(0, batch // self.batches_per_epoch - self.schedule.warmup_epochs)

    def progress(self, batch: int) -> float:
        """Return how far the search has come at a batch, from 0 in its first epoch to 1 in its last."""
        last = self.schedule.epochs - 1
        return min(self.epoch(batch) / last, 1.0) if last > 0 else 1.0
