"""The exchange of samples: between the workers that train one supernet, and a tuner's session of its own.

A `Room` is one supernet's session with the workers (members) that share its weights; a `Seat` is one member's place in
it, taken for as long as its stream lasts. Every word is checked against the lease, which it renews. Nothing is logged:
when the tuner is lost, so are its samples, and the workers go back to what they saved (`UnavailableError`).

Not here: the trials that search (``chain``), and which samples are out (``nascore.tuner.samples``).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nascore.errors import (
    ExhaustedResourceError,
    InvalidInputError,
    NascoreError,
    StateError,
    TunerCrashedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.experiment.asking import Connect
from nascore.experiment.chain.session import one_shot_setup
from nascore.experiment.leases import held
from nascore.experiment.ledger import Ledger
from nascore.experiment.restoring import setup_of
from nascore.failpoints import failpoint
from nascore.record import (
    AskStatus,
    Begun,
    Derived,
    Failure,
    FailureKind,
    Mode,
    NextSamples,
    Outcome,
    OutcomeStatus,
    Proposal,
    Task,
    TrialRecord,
    trial_seed,
)
from nascore.tuner import Answer, TunerSession, no_history
from nascore.tuner.samples import SampleBook, check_none_pending, keeps_no_state

ResultT = TypeVar("ResultT")

MAX_STATE_BYTES = 3 << 20
WAIT_S = 5.0
"""Longest wait for the outcomes of other workers, seconds; the worker then asks again."""


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
        pending: Samples of other workers that had no outcome when the state was saved.
    """

    batches_per_epoch: int
    costs: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    unmixable: Mapping[str, str] = field(default_factory=dict)
    state: bytes | None = None
    told: int = 0
    next_sample: int = 0
    pending: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A tuner's state, and what must be known to go on from it; the fields are those of `Opening`."""

    state: bytes
    told: int
    next_sample: int
    pending: tuple[Proposal, ...]


class Rooms:
    """The rooms of one experiment. Belongs to the event loop.

    Args:
        ledger: The experiment.
        connect: Gives a session with the plugin's tuner.
        renew: Renews the lease of a trial.
        on_trouble: Told a sentence on what a session suffers; empty when it is over.
    """

    def __init__(
        self,
        ledger: Ledger,
        connect: Connect,
        *,
        renew: Callable[[int], float],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._connect = connect
        self._renew = renew
        self._on_trouble = on_trouble
        self._rooms: dict[int, Room] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @asynccontextmanager
    async def seat(self, worker: str, trial: int, *, epoch: int) -> AsyncIterator[Seat]:
        """Give the holder of a SEARCH trial its seat, until the block ends.

        Raises:
            LeaseSupersededError: The worker does not hold the trial.
            StateError: The trial does not search.
        """
        record = self.hold(worker, trial, epoch=epoch)
        supernet = _number(record, "supernet", trial)
        room = self._rooms.get(supernet)
        if room is None:
            room = self._rooms[supernet] = Room(self)
        seat = Seat(self, room, worker=worker, trial=trial, epoch=epoch)
        room.guests += 1
        try:
            yield seat
        finally:
            room.guests -= 1
            await room.leave(seat)
            if not room.guests and self._rooms.get(supernet) is room:
                del self._rooms[supernet]

    def hold(self, worker: str, trial: int, *, epoch: int) -> TrialRecord:
        """Return the trial if the worker holds it, and renew its lease; see `held`."""
        record = held(self._ledger.state, trial, worker=worker, epoch=epoch)
        if record.proposal.task is not Task.SEARCH:
            raise StateError(
                f"Trial {trial} does not search: its task is {record.proposal.task.value}.",
                hint="Only trials with the task search exchange samples.",
            )
        if self._ledger.state.known_spec.mode is not Mode.ONE_SHOT:
            raise StateError(f"Experiment {self._ledger.state.id} is not one-shot.")
        self._renew(trial)
        return record

    def is_held(self, seat: Seat) -> bool:
        """Whether the lease of a seat still counts."""
        with suppress(NascoreError):
            held(self._ledger.state, seat.trial, worker=seat.worker, epoch=seat.epoch)
            return True
        return False

    async def session(self, seat: Seat, opening: Opening) -> TunerSession:
        """Return a fresh session with the plugin's tuner, opened for a supernet."""
        if self._is_closed:
            raise UnavailableError("The server is stopping.", hint="Begin again when it is back.")
        session = await self._connect(self._ledger.state.known_spec.tuner, no_history, self._on_trouble)
        try:
            await self.open(session, seat, opening)
        except BaseException:
            await asyncio.shield(self.dismiss(session))
            raise
        return session

    async def open(self, session: TunerSession, seat: Seat, opening: Opening) -> None:
        """Open a session, or open it anew, as a worker says."""
        spec = self._ledger.state.known_spec
        setup = replace(
            one_shot_setup(setup_of(spec, batches_per_epoch=opening.batches_per_epoch), spec.search),
            seed=self.seed(seat),
            costs=opening.costs,
            unmixable=opening.unmixable,
        )
        await session.open(setup, spec.settings, state=opening.state, state_seq=opening.told)
        self._on_trouble("")

    def seed(self, seat: Seat) -> int:
        """Return the seed of a supernet's samples: that of the trial of its first worker."""
        state = self._ledger.state
        supernet = _number(state.trials[seat.trial], "supernet", seat.trial)
        first = (
            trial.number
            for trial in state.trials
            if trial.proposal.task is Task.SEARCH and _number(trial, "supernet", trial.number) == supernet
        )
        return trial_seed(state.seed, next(first))

    def begun(self, seat: Seat) -> Begun:
        """Return what a worker learns when it begins."""
        return Begun(self._ledger.state.known_spec.search.schedule, self.seed(seat))

    @property
    def is_shared(self) -> bool:
        """Whether several workers share the weights of each supernet."""
        return self._ledger.state.known_spec.search.workers > 1

    @property
    def tuner(self) -> str:
        """Name of the tuner."""
        return self._ledger.state.known_spec.tuner

    def dismiss(self, session: TunerSession) -> asyncio.Task[None]:
        """Let a session end by itself, also if who gives it up is interrupted."""

        async def end() -> None:
            with suppress(NascoreError):
                await session.close()

        ending = asyncio.create_task(end())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        return ending

    async def close(self) -> None:
        """End all sessions."""
        self._is_closed = True
        rooms, self._rooms = list(self._rooms.values()), {}
        for room in rooms:
            await room.close()
        await asyncio.gather(*self._endings)


class Room:
    """One supernet: its session, the samples that are out, and who shares it.

    Attributes:
        seats: Those of workers that have begun.
        guests: How many seats there are, also of workers that have not.
    """

    def __init__(self, rooms: Rooms) -> None:
        self.seats: list[Seat] = []
        self.guests = 0
        self._rooms = rooms
        self._session: TunerSession | None = None
        self._book = SampleBook(0)
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()  # Set, and replaced, when outcomes came in.

    async def enter(self, seat: Seat, opening: Opening) -> None:
        """Open the session for a worker, or let it join the one that others are in."""
        async with self._turn:
            self._put_away(seat)
            if self._session is None or not self.seats:
                await self._begin(seat, opening)
            self.seats.append(seat)

    async def leave(self, seat: Seat) -> None:
        """Answer for the samples of a worker that goes; the session ends with the last one."""
        async with self._turn:
            self._put_away(seat)
            if not self.seats:
                await self._end()

    async def exchange(self, seat: Seat, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell the tuner, then ask it; where it waits for others, so does the worker, for a while."""
        answer = await self._exchanged(seat, outcomes, want)
        if answer.status is not AskStatus.WAIT or answer.proposals or not self._waits_for_others(seat):
            return NextSamples(answer.proposals, answer.status)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), WAIT_S)
        self._miss()
        answer = await self._exchanged(seat, (), want)
        return NextSamples(answer.proposals, answer.status)

    async def save(self, seat: Seat) -> Saved:
        """Return the tuner's state; the worker has no sample out."""
        async with self._turn:
            session = self._opened(seat)
            check_none_pending(self._book.of(seat.name))
            kept = await self._kept(session.snapshot())
            if kept is None:
                raise keeps_no_state(self._rooms.tuner)
            state, told = kept
            if len(state) > MAX_STATE_BYTES:
                raise ExhaustedResourceError(
                    f"Tuner {self._rooms.tuner} has a state of {len(state):,} bytes; at most {MAX_STATE_BYTES:,} are "
                    "kept with a supernet's weights.",
                    hint="Its author makes the state smaller; until then an interrupted search begins anew.",
                )
            return Saved(state, told, self._book.next_sample, self._book.out())

    async def derive(self, seat: Seat, count: int) -> tuple[Derived, ...]:
        """Return the final architectures, best first."""
        async with self._turn:
            return await self._kept(self._opened(seat).derive(count))

    async def close(self) -> None:
        """End the session."""
        async with self._turn:
            await self._end()

    async def _exchanged(self, seat: Seat, outcomes: Sequence[tuple[int, Outcome]], want: int) -> Answer:
        if not self._rooms.is_shared:
            return await self._asked(seat, outcomes, want)
        # A worker that goes away in the middle of a question must not spoil the session of the others.
        return await asyncio.shield(asyncio.create_task(self._asked(seat, outcomes, want)))

    async def _asked(self, seat: Seat, outcomes: Sequence[tuple[int, Outcome]], want: int) -> Answer:
        async with self._turn:
            session, book = self._opened(seat), self._book
            seeds = book.seeds(want)
            told = book.take(seat.name, outcomes)
            if not seeds:
                if told:
                    await self._kept(session.tell(told, after_seq=book.told - len(told)))
                answer = Answer(())
            else:
                first = book.next_sample
                failpoint("exchange.before_ask")
                answer = await self._kept(session.ask(first, seeds, outcomes=told, told_through=book.told))
                failpoint("exchange.after_ask")
                book.give(seat.name, answer.proposals)
            if told:
                self._spread_news()
            if answer.status is AskStatus.WAIT and not book.pending and not self._rooms.is_shared:
                raise self._stuck()
            return answer

    async def _begin(self, seat: Seat, opening: Opening) -> None:
        if self._session is None:
            self._session = await self._rooms.session(seat, opening)
        else:
            await self._kept(self._rooms.open(self._session, seat, opening))
        self._book = SampleBook(self._rooms.seed(seat), told=opening.told, next_sample=opening.next_sample)
        self._book.give(_GONE, opening.pending, is_next=False)
        self._book.lose(_GONE)

    async def _kept(self, question: Awaitable[ResultT]) -> ResultT:
        """Put a question; a session that fails it is of no more use, for it may have taken a part."""
        try:
            return await question
        except (ExhaustedResourceError, UnsupportedError):  # A state that is too large, or none; the tuner is unharmed.
            raise
        except BaseException:
            await self._end()
            raise

    async def _end(self) -> None:
        session, self._session = self._session, None
        self._spread_news()
        if session is not None:
            await asyncio.shield(self._rooms.dismiss(session))

    def _spread_news(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _opened(self, seat: Seat) -> TunerSession:
        if seat not in self.seats:
            raise StateError("The exchange has not begun.", hint="Begin it first.")
        if self._session is None:
            raise UnavailableError(
                f"Tuner {self._rooms.tuner} was lost, and with it the samples since the last snapshot.",
                hint="Begin again from what was saved last.",
            )
        return self._session

    def _put_away(self, seat: Seat) -> None:
        """Forget who sat there before: the same trial on an earlier stream, or with an earlier lease."""
        for earlier in [other for other in self.seats if other.trial == seat.trial]:
            self.seats.remove(earlier)
            self._book.lose(earlier.name)
            self._spread_news()

    def _waits_for_others(self, seat: Seat) -> bool:
        return self._rooms.is_shared and not self._book.of(seat.name)

    def _miss(self) -> None:
        """Answer for workers that have lost their lease and do not know it."""
        for other in self.seats:
            if not self._rooms.is_held(other):
                self._book.lose(other.name)

    def _stuck(self) -> TunerCrashedError:
        return TunerCrashedError(
            f"Tuner {self._rooms.tuner} waits for an outcome, but every sample has one.",
            hint="This is a defect of the tuner; report it to its authors.",
        )


class Seat:
    """A worker's place in a room; all its words go through here."""

    def __init__(self, rooms: Rooms, room: Room, *, worker: str, trial: int, epoch: int) -> None:
        self.worker = worker
        self.trial = trial
        self.epoch = epoch
        self.name = f"{trial}/{epoch}"
        self._rooms = rooms
        self._room = room

    async def begin(self, opening: Opening) -> Begun:
        """Begin, or begin again; see `nascore.record.SampleExchange`, as for the other calls."""
        if opening.batches_per_epoch < 1:
            raise InvalidInputError("batches_per_epoch: 0; an epoch has at least one.", hint="Set it.")
        self._hold()
        await self._room.enter(self, opening)
        return self._rooms.begun(self)

    async def exchange(self, outcomes: Sequence[tuple[int, Outcome]], want: int) -> NextSamples:
        """Tell outcomes, then ask for samples."""
        self._hold()
        return await self._room.exchange(self, [(number, _finite(outcome)) for number, outcome in outcomes], want)

    async def save(self) -> Saved:
        """Return the tuner's state."""
        self._hold()
        return await self._room.save(self)

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        self._hold()
        return await self._room.derive(self, count)

    def _hold(self) -> None:
        self._rooms.hold(self.worker, self.trial, epoch=self.epoch)


_GONE = "gone"


def _finite(outcome: Outcome) -> Outcome:
    """Return the outcome as a tuner may see it: a number that is none never reaches it."""
    wrong = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
    if not wrong:
        return outcome
    failure = Failure(FailureKind.NON_FINITE, f"The metric {wrong[0]} is {outcome.metrics[wrong[0]]}.")
    return replace(outcome, status=OutcomeStatus.NON_FINITE, metrics={}, gradient=(), failure=failure)


def _number(record: TrialRecord, note: str, otherwise: int) -> int:
    value = record.proposal.notes.get(note, otherwise)
    return value if isinstance(value, int) else otherwise
