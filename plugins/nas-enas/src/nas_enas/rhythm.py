"""When a one-shot search trains weights, when it learns, and when it chooses: the order of its samples.

A cycle trains the weights on some batches, each with an architecture of its own, and then updates the policy some times
from architectures that are scored. At the end some architectures are scored on the whole search split, all on the same
examples, and the best is taken. Not here: what is drawn and learnt (``tuner``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """What is being done."""

    TRAIN = "train"
    LEARN = "learn"
    CHOOSE = "choose"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Cycle:
    """The lengths of everything.

    Attributes:
        warmup: TRAIN batches before the first update.
        batches: TRAIN batches in all, those of the warm-up included.
        train: TRAIN batches of a cycle.
        updates: Updates of the policy after them.
        samples: SCORE samples of an update.
        chosen: SCORE samples from which the best is taken at the end.
    """

    warmup: int
    batches: int
    train: int
    updates: int
    samples: int
    chosen: int

    @property
    def all_updates(self) -> int:
        """Updates of the policy over the whole schedule."""
        return -(-(self.batches - self.warmup) // self.train) * self.updates


@dataclass(slots=True)
class Rhythm:
    """Where a search stands.

    Attributes:
        cycle: The lengths.
        trained: TRAIN samples that were proposed.
        updated: Updates since the weights were last trained.
        proposed: SCORE samples of this update, or of the choice, that were proposed.
        pending: Numbers of SCORE samples that were not told yet.
        phase: What is being done.
    """

    cycle: Cycle
    trained: int = 0
    updated: int = 0
    proposed: int = 0
    pending: set[int] = field(default_factory=set)
    phase: Phase = Phase.TRAIN

    def train(self) -> None:
        """Count a TRAIN sample; what follows it may be another phase."""
        self.trained += 1
        is_last = self.trained >= self.cycle.batches
        done = self.trained - self.cycle.warmup
        if done > 0 and (done % self.cycle.train == 0 or is_last):
            self.phase, self.updated, self.proposed = Phase.LEARN, 0, 0
            if not self.cycle.updates:
                self._end_cycle()

    @property
    def wants_score(self) -> bool:
        """Whether another SCORE sample is to be proposed before any is waited for."""
        wanted = self.cycle.samples if self.phase is Phase.LEARN else self.cycle.chosen
        return self.phase in (Phase.LEARN, Phase.CHOOSE) and self.proposed < wanted

    def score(self, number: int) -> None:
        """Count a SCORE sample."""
        self.proposed += 1
        self.pending.add(number)

    def told(self, number: int) -> bool:
        """Count a told SCORE sample; returns whether it was the last of its update, or of the choice."""
        self.pending.discard(number)
        return not self.pending and not self.wants_score

    def advance(self) -> None:
        """Go on after an update, or after the choice."""
        self.proposed = 0
        if self.phase is Phase.CHOOSE:
            self.phase = Phase.OVER
            return
        self.updated += 1
        if self.updated >= self.cycle.updates:
            self._end_cycle()

    def _end_cycle(self) -> None:
        self.proposed = 0
        if self.trained < self.cycle.batches:
            self.phase = Phase.TRAIN
        else:
            self.phase = Phase.CHOOSE if self.cycle.chosen else Phase.OVER
