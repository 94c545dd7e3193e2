"""With what a worker begins an exchange, and what is saved to begin there again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nascore.tuner.sealed import SealedSample


@dataclass(frozen=True, slots=True)
class Opening:
    """What a worker begins with.

    Attributes:
        batches_per_epoch: TRAIN batches of one epoch.
        costs: Known costs, see `Setup`.
        unmixable: Why decisions cannot be mixed, by path.
        state: The tuner's state that was saved with the weights; ``None`` for the beginning.
        told: Outcomes that the state contains.
        next_sample: Number of the first sample wanted.
        pending: Samples of other workers that had no outcome when the state was saved; not recalled by a new session.
    """

    batches_per_epoch: int
    costs: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    unmixable: Mapping[str, str] = field(default_factory=dict)
    state: bytes | None = None
    told: int = 0
    next_sample: int = 0
    pending: tuple[SealedSample, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A tuner's state, and what must be known to go on from it; the fields are those of `Opening`."""

    state: bytes
    told: int
    next_sample: int
    pending: tuple[SealedSample, ...]
