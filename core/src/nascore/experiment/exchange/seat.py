"""A worker's place in a room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nascore.errors import InvalidInputError
from nascore.experiment.exchange.opening import Opening, Saved
from nascore.experiment.exchange.room import Room
from nascore.record import Begun, Derived, NextSamples, Outcome
from nascore.record.wire import outcome_to_message
from nascore.tuner.sealed import SealedAnswer, opened_sample, sealed_outcome

if TYPE_CHECKING:
    from nascore.experiment.exchange.rooms import Rooms


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
        sealed = [(number, sealed_outcome(outcome_to_message(outcome))) for number, outcome in outcomes]
        answer = await self.pass_on(sealed, want)
        return NextSamples(tuple(map(opened_sample, answer.samples)), answer.status)

    async def pass_on(self, outcomes: Sequence[tuple[int, bytes]], want: int) -> SealedAnswer:
        """Do as `exchange` does, with outcomes and samples that stay sealed."""
        self._hold()
        return await self._room.exchange(self, outcomes, want)

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
