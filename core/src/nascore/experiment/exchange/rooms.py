"""The rooms of one experiment: who may sit where, and what sessions are opened with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from nascore.errors import InternalError, NascoreError, StateError, UnavailableError
from nascore.experiment.chain.session import one_shot_setup
from nascore.experiment.counterpart import Connect
from nascore.experiment.exchange.opening import Opening
from nascore.experiment.exchange.room import Room
from nascore.experiment.exchange.seat import Seat
from nascore.experiment.leases import held
from nascore.experiment.ledger import Ledger
from nascore.experiment.restoring import setup_of
from nascore.record import Begun, Mode, Task, TrialRecord, trial_seed
from nascore.tuner import TunerSession, no_history
from nascore.tuner.sealed import SampleSession


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
        supernet = supernet_of(record)
        room = self._rooms.get(supernet)
        if room is None:
            room = self._rooms[supernet] = Room(self)
        seat = Seat(self, room, worker=worker, trial=trial, epoch=epoch)
        room.guests += 1
        try:
            yield seat
        finally:
            room.guests -= 1
            # A call that is cancelled may be cancelled again while it leaves; others wait for what it leaves behind.
            await asyncio.shield(self._by_itself(self._left(supernet, room, seat)))

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

    async def session(self, seat: Seat, opening: Opening) -> SampleSession:
        """Return a fresh session with the plugin's tuner, opened for a supernet."""
        if self._is_closed:
            raise UnavailableError("The server is stopping.", hint="Begin again when it is back.")
        session = await self._connect(self._ledger.state.known_spec.tuner, no_history, self._on_trouble)
        try:
            if not isinstance(session, SampleSession):
                raise InternalError(f"A session with tuner {self.tuner} exchanges no samples.")
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
        supernet = supernet_of(state.trials[seat.trial])
        first = (
            trial.number
            for trial in state.trials
            if trial.proposal.task is Task.SEARCH and supernet_of(trial) == supernet
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

        return self._by_itself(end())

    async def close(self) -> None:
        """End all sessions."""
        self._is_closed = True
        rooms, self._rooms = list(self._rooms.values()), {}
        for room in rooms:
            await room.close()
        await asyncio.gather(*self._endings)

    async def _left(self, supernet: int, room: Room, seat: Seat) -> None:
        await room.leave(seat)
        if not room.guests and self._rooms.get(supernet) is room:
            del self._rooms[supernet]

    def _by_itself(self, ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task


def supernet_of(record: TrialRecord) -> int:
    """Return the number of the supernet that a SEARCH trial trains: that of its first trial."""
    value = record.proposal.notes.get("supernet", record.number)
    return value if isinstance(value, int) else record.number
