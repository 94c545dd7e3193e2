"""Workers that register: the first one's space becomes the experiment's, and the tuner is opened for it.

Opening may take long (a process starts, a log is replayed), so it is done once for all who wait for it, and goes on
when one of them leaves. Not here: what the tuner is then asked (``asking``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nascore.errors import SettingsError, TunerCrashedError, UnavailableError, UnsupportedError
from nascore.experiment.asking import Conversation
from nascore.experiment.events import SpaceRegistered
from nascore.experiment.leasing import Leasing
from nascore.experiment.ledger import Ledger
from nascore.experiment.requests import check_name, check_same_space
from nascore.record import Registration, Task
from nascore.space import SearchSpace


class Registering:
    """Takes the spaces that workers' code defines."""

    def __init__(self, ledger: Ledger, leasing: Leasing, conversation: Conversation) -> None:
        self._ledger = ledger
        self._leasing = leasing
        self._conversation = conversation
        self._opening: asyncio.Task[None] | None = None

    async def register(
        self, worker: str, space: SearchSpace, *, tasks: Sequence[Task], batches_per_epoch: int, devices: Sequence[str]
    ) -> Registration:
        """Take a worker's space; see `Engine.register_space`."""
        check_name("worker", worker)
        known = self._ledger.state.known_spec.space
        if known is None:
            self._ledger.write(SpaceRegistered(space, worker, batches_per_epoch, tuple(tasks), tuple(devices)))
        else:
            check_same_space(known, space)
        await self._ledger.settled()  # Before the long wait for the tuner, in which a failed write would be forgotten.
        if not self._ledger.state.is_ended:
            await self._opened()
        self._leasing.advance()
        await self._ledger.settled()
        state = self._ledger.state
        return Registration(space.fingerprint, state.seed, state.known_spec.objectives)

    async def close(self) -> bool:
        """Break off an opening; returns whether there was none."""
        opening = self._opening
        if opening is None:
            return True
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        return False

    async def _opened(self) -> None:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._note_opened)
        opening = self._opening
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            if opening.cancelled():
                raise UnavailableError("The server is stopping.", hint="Try again when it is back.") from None
            raise

    def _note_opened(self, done: asyncio.Task[None]) -> None:
        self._opening = None
        if not done.cancelled():
            done.exception()  # Taken note of, also where nobody waits for it any more.

    async def _open(self) -> None:
        try:
            await self._conversation.open()
        except (SettingsError, UnsupportedError) as error:
            self._leasing.fail(str(error))
            self._leasing.advance()
            raise
        except TunerCrashedError as error:
            if error.is_retryable:
                self._leasing.note_trouble(str(error))
            else:
                self._leasing.fail(str(error))
                self._leasing.advance()
            raise
        self._leasing.tuner_works()
