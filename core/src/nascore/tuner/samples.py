"""Samples of one supernet: which are out, whose they are, and what the tuner is told of them.

A `SampleBook` numbers samples and outcomes; `LocalExchange` is the whole exchange with a tuner in this process, for
tests and notebooks. Not here: the exchange that a server keeps for its workers (``nascore.experiment.exchange``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from nascore.errors import InvalidInputError, StateError, UnsupportedError
from nascore.record import (
    Begun,
    Derived,
    Failure,
    FailureKind,
    JsonValue,
    NextSamples,
    Outcome,
    OutcomeStatus,
    Proposal,
    Schedule,
    Told,
    proposal_seed,
)
from nascore.record.exchange import MAX_WANT, MIXABLE, NOTHING, AskStatus
from nascore.tuner.conductor import Conductor
from nascore.tuner.contract import Mode, Settings, Setup, Tuner

SampleT = TypeVar("SampleT", bound="Numbered")
OutcomeT = TypeVar("OutcomeT")

_DEFAULT_SCHEDULE = Schedule(1)


class Numbered(Protocol):
    """A sample, whatever else is known of it."""

    @property
    def number(self) -> int:
        """Its number."""


class SampleBook(Generic[SampleT, OutcomeT]):
    """The samples of one session that wait for an outcome, and the outcomes that wait to be told.

    Args:
        seed: Seed of the samples; that of sample n is H(seed, n).
        lost: Makes the outcome of samples that were lost with the worker of that name.
        told: Outcomes that the tuner's state contains.
        next_sample: Number of the next sample.
    """

    def __init__(self, seed: int, *, lost: Callable[[str], OutcomeT], told: int = 0, next_sample: int = 0) -> None:
        self.seed = seed
        self._lost_with = lost
        self.told = told
        self.next_sample = next_sample
        self._pending: dict[int, tuple[str, SampleT]] = {}
        self._lost: list[tuple[SampleT, OutcomeT]] = []

    @property
    def pending(self) -> int:
        """How many samples are out."""
        return len(self._pending)

    def of(self, member: str) -> list[int]:
        """Return the numbers of the samples that a worker has, ascending."""
        return sorted(number for number, (owner, _) in self._pending.items() if owner == member)

    def take(self, member: str, outcomes: Sequence[tuple[int, OutcomeT]]) -> list[tuple[int, SampleT, OutcomeT]]:
        """Return what the tuner is to be told next: samples that were lost, then these outcomes, numbered.

        Raises:
            InvalidInputError: An outcome is of no sample that this worker has; nothing was taken.
        """
        seen: set[int] = set()
        for number, _ in outcomes:
            owner = self._pending.get(number)
            if owner is None or owner[0] != member or number in seen:
                raise InvalidInputError(
                    f"outcomes: worker {member!r} has no sample {number} that waits for an outcome; it has "
                    f"{self.of(member) or 'none'}.",
                    hint="Tell each outcome once, with the number of its sample.",
                )
            seen.add(number)
        lost, self._lost = self._lost, []
        came = [(self._pending.pop(number)[1], outcome) for number, outcome in outcomes]
        told = [(seq, sample, outcome) for seq, (sample, outcome) in enumerate((*lost, *came), self.told + 1)]
        self.told += len(told)
        return told

    def seeds(self, want: int) -> list[int]:
        """Return the seeds of the next samples."""
        if not 0 <= want <= MAX_WANT:
            raise InvalidInputError(f"want: {want} is not within 0 and {MAX_WANT}.")
        return [proposal_seed(self.seed, self.next_sample + place) for place in range(want)]

    def out(self) -> tuple[SampleT, ...]:
        """Return all samples without an outcome: those that workers have, and those that were lost with them."""
        having = [sample for _, sample in self._pending.values()]
        return tuple(sorted([*having, *(sample for sample, _ in self._lost)], key=lambda each: each.number))

    def give(self, member: str, samples: Sequence[SampleT], *, is_next: bool = True) -> None:
        """Note that these samples are a worker's now; they are the next ones, unless they were given out before."""
        for sample in samples:
            self._pending[sample.number] = (member, sample)
        if is_next:
            self.next_sample += len(samples)

    def lose(self, member: str) -> None:
        """Answer for a worker that is gone: its samples failed."""
        self._lost += [(self._pending.pop(number)[1], self._lost_with(member)) for number in self.of(member)]


def lost_with(member: str) -> Outcome:
    """Return the outcome of a sample that was lost with its worker."""
    failure = Failure(FailureKind.LOST, f"Worker {member!r} was lost.")
    return Outcome(OutcomeStatus.FAILED, failure=failure)


class LocalExchange:
    """The exchange with a tuner in this process, as one worker sees it; keeps the promises of `SampleExchange`.

    Args:
        tuner_type: The tuner; one-shot must be among its modes.
        setup: What it is opened with; `begin` sets mode, costs, batches per epoch and what cannot be mixed. Without a
            schedule: one epoch.
        settings: The tuner's settings as JSON values.
        seed: Seed of the samples.
    """

    def __init__(
        self,
        tuner_type: type[Tuner[Settings]],
        setup: Setup,
        settings: Mapping[str, JsonValue],
        seed: int,
    ) -> None:
        self._type = tuner_type
        self._setup = setup
        self._settings = dict(settings)
        self._book = SampleBook[Proposal, Outcome](seed, lost=lost_with)
        self._conductor: Conductor | None = None

    def begin(
        self,
        *,
        batches_per_epoch: int,
        costs: Mapping[tuple[str, str, str], float] = NOTHING,
        unmixable: Mapping[str, str] = MIXABLE,
        snapshot: tuple[bytes, int] | None = None,
        next_sample: int = 0,
    ) -> Begun:
        """Begin, or begin again; see `SampleExchange.begin`."""
        schedule = self._setup.schedule or _DEFAULT_SCHEDULE
        setup = replace(
            self._setup,
            mode=Mode.ONE_SHOT,
            schedule=schedule,
            batches_per_epoch=batches_per_epoch,
            costs=dict(costs) or self._setup.costs,
            unmixable=dict(unmixable),
        )
        state, seq = snapshot or (None, 0)
        self._conductor = Conductor(self._type, setup, settings=self._settings, state=state, state_seq=seq)
        self._book = SampleBook(self._book.seed, lost=lost_with, told=seq, next_sample=next_sample)
        return Begun(schedule, self._book.seed)

    def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell outcomes, then ask for samples; see `SampleExchange.exchange`."""
        conductor, book = self._begun(), self._book
        seeds = book.seeds(want)
        told = [Told(*each) for each in book.take("", outcomes)]
        if not seeds:
            conductor.tell(told, after_seq=book.told - len(told))
            return NextSamples((), AskStatus.OK)
        answer = conductor.ask(book.next_sample, seeds, outcomes=told, told_through=book.told)
        book.give("", answer.proposals)
        return NextSamples(answer.proposals, answer.status)

    def snapshot(self) -> tuple[bytes, int]:
        """Return the tuner's state and how many outcomes it contains; see `SampleExchange.snapshot`."""
        conductor = self._begun()
        check_none_pending(self._book.of(""))
        saved = conductor.snapshot()
        if saved is None:
            raise keeps_no_state(self._type.name)
        return saved

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        return self._begun().derive(count)

    def close(self) -> None:
        """End it; twice is harmless."""
        self._conductor = None

    def _begun(self) -> Conductor:
        if self._conductor is None:
            raise StateError("The exchange has not begun.", hint="Call begin first.")
        return self._conductor


def check_none_pending(numbers: Sequence[int]) -> None:
    """Refuse to save the tuner's state while the worker has samples without an outcome: they would be lost."""
    if numbers:
        listing = ", ".join(map(str, numbers[:10]))
        raise StateError(
            f"snapshot: samples {listing} have no outcome yet.", hint="Tell it first, and ask for none: want = 0."
        )


def keeps_no_state(name: str) -> UnsupportedError:
    """Return the error for a one-shot tuner whose search cannot be taken up again in the middle."""
    return UnsupportedError(
        f"Tuner {name} keeps no snapshots, so a one-shot search cannot go on in the middle.",
        hint="Its author adds snapshot() and restore(); until then an interrupted search begins anew.",
    )
