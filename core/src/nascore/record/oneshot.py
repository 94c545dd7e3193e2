"""How a strategy learns, and what a one-shot experiment consists of: schedule, retraining, and what it is held against.

Not here: the trials that come of it (``nascore.experiment.chain``) and the samples within them (``exchange``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from nascore.errors import SettingsError, Violation

TEST_PREFIX = "test "
"""What stands before the names of metrics that were measured on data by which nothing was chosen."""


class Mode(StrEnum):
    """In which way a strategy learns."""

    MULTI_TRIAL = "multi-trial"
    ONE_SHOT = "one-shot"


class Role(StrEnum):
    """What a trial of a one-shot experiment is for: ``Proposal.notes["role"]``."""

    SEARCH = "search"
    """A supernet; it derives architectures."""
    RETRAIN = "retrain"
    """A derived architecture, trained by itself: a result of the experiment."""
    LARGEST = "largest"
    """A baseline: the most expensive candidate everywhere."""
    SKIP = "skip"
    """A baseline: nothing, or the cheapest candidate, everywhere."""
    SAMPLED = "sampled"
    """A random network that the supernet scored as well."""
    RANDOM = "random"
    """A random network, for as many device-seconds as the search has cost."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a supernet is trained; an epoch is ``Setup.batches_per_epoch`` TRAIN batches, shared among the workers.

    Attributes:
        epochs: Epochs of search; the tuner is exhausted when they are over.
        warmup_epochs: Epochs before, in which weights are trained and nothing is learnt about architectures.

    Raises:
        SettingsError: There is no epoch of search, or a number below 0.
    """

    epochs: int
    warmup_epochs: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.warmup_epochs < 0:
            raise SettingsError(
                f"schedule: {self.epochs} epochs after {self.warmup_epochs} to warm up; at least 1 after 0 are needed."
            )


@dataclass(frozen=True, slots=True)
class Trust:
    """What the result of a one-shot search is held against.

    Attributes:
        max_random: Most random networks that are trained; they end earlier once they have cost as many device-seconds
            as the search and the retraining. 0 for none.
        sampled: Random networks that the supernet scores and that are then trained by themselves, for Kendall's tau;
            they count among the random ones. 0 for none.
    """

    max_random: int = 16
    sampled: int = 6


@dataclass(frozen=True, slots=True)
class OneShot:
    """What a one-shot experiment does: search, derive, retrain, and hold the result against baselines.

    Attributes:
        schedule: How long each supernet is trained.
        derive: Architectures derived from each supernet, all of them retrained.
        retrain_epochs: Epochs of retraining and of the baselines; ``None`` for the trial's own number. With 0
            nothing is trained but supernets: the results are the derived architectures, with the supernet's metrics.
        supernets: Independent supernets; the best of their networks wins.
        workers: Workers that share one copy of each supernet's weights.
        sync_every: Weight steps between two synchronisations of that copy.
        trust: The baselines; ``None`` for none.

    Raises:
        SettingsError: A number is out of bounds.
    """

    schedule: Schedule = field(default_factory=lambda: Schedule(45, warmup_epochs=5))
    derive: int = 1
    retrain_epochs: float | None = None
    supernets: int = 1
    workers: int = 1
    sync_every: int = 16
    trust: Trust | None = field(default_factory=Trust)

    def __post_init__(self) -> None:
        wrong = tuple(self._faults())
        if wrong:
            listing = "; ".join(str(violation) for violation in wrong)
            raise SettingsError(f"The one-shot search is not valid: {listing}", violations=wrong)

    def _faults(self) -> Iterator[Violation]:
        for name, value, most in (
            ("derive", self.derive, 64),
            ("supernets", self.supernets, 64),
            ("workers", self.workers, 256),
            ("sync_every", self.sync_every, 1_000_000),
        ):
            if not 1 <= value <= most:
                yield Violation(name, f"{value} is not within 1 and {most}")
        if self.retrain_epochs is not None and not 0 <= self.retrain_epochs < float("inf"):
            yield Violation("retrain_epochs", f"{self.retrain_epochs} is below 0, or no number")
        for name, value in () if self.trust is None else _counts(self.trust):
            if not 0 <= value <= 1000:
                yield Violation(f"trust.{name}", f"{value} is not within 0 and 1000")


def _counts(trust: Trust) -> tuple[tuple[str, int], ...]:
    return ("max_random", trust.max_random), ("sampled", trust.sampled)
