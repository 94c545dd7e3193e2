"""The exchange of samples between a trial that trains a supernet and a one-shot tuner, as the trial sees it.

Not here: the exchange over a server (``nascore.client.exchange``) and in this process (``nascore.tuner.samples``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from nascore.record.oneshot import Schedule
from nascore.record.outcome import Derived, Outcome
from nascore.record.proposal import Proposal

MAX_WANT = 256
"""Most samples that are wanted at a time."""

NOTHING: Mapping[tuple[str, str, str], float] = MappingProxyType({})
"""No costs are known."""
MIXABLE: Mapping[str, str] = MappingProxyType({})
"""Every decision can be mixed."""


class AskStatus(StrEnum):
    """Why fewer proposals than wanted came."""

    OK = "ok"
    EXHAUSTED = "exhausted"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Begun:
    """What a worker learns when an exchange has begun: how long the search lasts, and the seed of its samples."""

    schedule: Schedule
    seed: int


class NextSamples(NamedTuple):
    """The next samples, numbered; fewer than wanted if the status says why."""

    samples: tuple[Proposal, ...]
    status: AskStatus


class SampleExchange(Protocol):
    """Outcomes of samples in, next samples out, in lockstep. One thread at a time.

    Nothing is logged and nothing replayed: where a call raises `UnavailableError` (the server, the tuner or the
    connection was lost), the worker goes back to the weights that it saved together with `snapshot`, and begins again
    from there.
    """

    def begin(
        self,
        *,
        batches_per_epoch: int,
        costs: Mapping[tuple[str, str, str], float] = NOTHING,
        unmixable: Mapping[str, str] = MIXABLE,
        snapshot: tuple[bytes, int] | None = None,
        next_sample: int = 0,
    ) -> Begun:
        """Begin, or begin again.

        Args:
            batches_per_epoch: TRAIN batches of one epoch, 1 or more.
            costs: Known cost per decision path, candidate key and measure (parameters, macs, latency_ms).
            unmixable: Why decisions cannot be mixed, by path.
            snapshot: What `snapshot` returned when the weights were saved; ``None`` for the very beginning.
            next_sample: Number of the first sample wanted; that after the last one received before `snapshot`.

        Raises:
            UnsupportedError: The tuner cannot tune this; the sentence says why.
            SettingsError: Its settings are wrong.
            LeaseSupersededError: The lease was given to another worker.
            UnavailableError: The server or the tuner cannot be reached.
        """

    def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell outcomes (number of the sample, outcome), then ask for ``want`` samples, 0 to 256.

        With the status EXHAUSTED there will be no more, with WAIT none until another worker's outcome: ask again.

        Raises:
            UnavailableError: The tuner was lost; go back to what was saved.
            LeaseSupersededError: The lease was given to another worker.
            InvalidInputError: An outcome is of no sample that this worker has.
        """

    def snapshot(self) -> tuple[bytes, int]:
        """Return the tuner's state with all outcomes told, and how many those are.

        Raises:
            StateError: Samples are without an outcome; tell it first, by ``exchange(outcomes, 0)``.
            UnsupportedError: The tuner keeps no state; then only the very beginning can be gone back to.
            ExhaustedResourceError: The state is above 3 MiB.
        """

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""

    def close(self) -> None:
        """End it; twice is harmless."""
