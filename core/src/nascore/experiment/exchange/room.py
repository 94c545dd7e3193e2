"""One supernet: its session with the tuner, the samples that are out, and who shares it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from nascore.errors import (
    ExhaustedResourceError,
    StateError,
    TunerCrashedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.experiment.exchange.opening import Opening, Saved
from nascore.failpoints import failpoint
from nascore.record import AskStatus, Derived
from nascore.tuner.samples import SampleBook, check_none_pending, keeps_no_state
from nascore.tuner.sealed import SampleSession, SealedAnswer, SealedSample, SealedTold, lost_outcome

if TYPE_CHECKING:
    from nascore.experiment.exchange.rooms import Rooms
    from nascore.experiment.exchange.seat import Seat

ResultT = TypeVar("ResultT")

MAX_STATE_BYTES = 3 << 20
WAIT_S = 5.0
"""Longest wait for the outcomes of other workers, seconds; the worker then asks again."""

_GONE = "gone"


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
        self._session: SampleSession | None = None
        self._book = _empty(0)
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
        """Answer for the samples of a worker that goes; the session ends with the last one.

        Who began again meanwhile, on another stream, keeps the new seat.
        """
        async with self._turn:
            if seat in self.seats:
                self._put_away(seat)
            if not self.seats:
                await self._end()

    async def exchange(self, seat: Seat, outcomes: Sequence[tuple[int, bytes]], want: int) -> SealedAnswer:
        """Tell the tuner, then ask it; where it waits for others, so does the worker, for a while."""
        answer = await self._exchanged(seat, outcomes, want)
        if answer.status is not AskStatus.WAIT or answer.samples or not self._waits_for_others(seat):
            return answer
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), WAIT_S)
        self._miss()
        return await self._exchanged(seat, (), want)

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

    async def _exchanged(self, seat: Seat, outcomes: Sequence[tuple[int, bytes]], want: int) -> SealedAnswer:
        if not self._rooms.is_shared:
            return await self._asked(seat, outcomes, want)
        # A worker that goes away in the middle of a question must not spoil the session of the others.
        return await asyncio.shield(asyncio.create_task(self._asked(seat, outcomes, want)))

    async def _asked(self, seat: Seat, outcomes: Sequence[tuple[int, bytes]], want: int) -> SealedAnswer:
        async with self._turn:
            session, book = self._opened(seat), self._book
            seeds = book.seeds(want)
            told = [SealedTold(*each) for each in book.take(seat.name, outcomes)]
            if seeds:
                failpoint("exchange.before_ask")
            question = session.exchange(book.next_sample, seeds, told=told, told_through=book.told)
            answer = await self._kept(question)
            if seeds:
                failpoint("exchange.after_ask")
            book.give(seat.name, answer.samples)
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
        self._book = _empty(self._rooms.seed(seat), told=opening.told, next_sample=opening.next_sample)
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

    def _opened(self, seat: Seat) -> SampleSession:
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


def _empty(seed: int, *, told: int = 0, next_sample: int = 0) -> SampleBook[SealedSample, bytes]:
    return SampleBook(seed, lost=lost_outcome, told=told, next_sample=next_sample)
