"""Workers that wait for a trial, in the order in which they came.

A request that is repeated while it waits (its connection broke) joins the first, so that it is given one trial and
not two. Who is given what is decided by the engine.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from nascore.errors import ConflictError
from nascore.experiment.clock import Clock, Handle
from nascore.record import LeaseAnswer, LeaseStatus


@dataclass(slots=True, eq=False)
class Waiter:
    """One request for a trial.

    Attributes:
        worker: Who asks.
        request_id: Its request.
        answer: What it is answered.
        is_patient: Whether its time to wait is not over yet.
        users: How many calls wait for the answer.
    """

    worker: str
    request_id: str
    answer: asyncio.Future[LeaseAnswer]
    is_patient: bool = True
    users: int = 0


class Waiters:
    """All who wait for a trial of one experiment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, Waiter] = OrderedDict()
        self._leaving: dict[str, Waiter] = {}  # Decided upon; the answer waits for the log.
        self._has_impatient = False  # Most of the time nobody is, and nobody need be looked at.

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, worker: str, request_id: str) -> Waiter:
        """Stand at the end of the line, or where the same request stands already.

        Raises:
            ConflictError: Another worker waits with the same request id.
        """
        waiter = self._waiting.get(request_id) or self._leaving.get(request_id)
        if waiter is None:
            waiter = Waiter(worker, request_id, asyncio.get_running_loop().create_future())
            self._waiting[request_id] = waiter
        elif waiter.worker != worker:
            raise ConflictError(
                f"Request {request_id!r} of worker {worker!r} is already that of worker {waiter.worker!r}.",
                hint="Use a random request id for each request.",
            )
        return waiter

    async def wait(self, waiter: Waiter, *, max_wait_s: float, on_timeout: Callable[[], None]) -> LeaseAnswer:
        """Wait for the answer; ``on_timeout`` is called if it has not come after ``max_wait_s`` seconds."""

        def lose_patience() -> None:
            waiter.is_patient = False
            self._has_impatient = True
            on_timeout()

        timer: Handle | None = None
        waiter.users += 1
        try:
            if max_wait_s > 0 and not waiter.answer.done():
                timer = self._clock.call_later(max_wait_s, lose_patience)
            elif not waiter.answer.done():
                lose_patience()
            return await asyncio.shield(waiter.answer)
        finally:
            if timer is not None:
                timer.cancel()
            waiter.users -= 1
            # The same request may have come again since the answer was given, and stands in line anew.
            if not waiter.users and self._waiting.get(waiter.request_id) is waiter:
                del self._waiting[waiter.request_id]

    def take(self) -> Waiter:
        """Take the first out of the line; `give` it its answer when that is stored."""
        _, waiter = self._waiting.popitem(last=False)
        self._leaving[waiter.request_id] = waiter
        return waiter

    def give(self, waiter: Waiter, answer: LeaseAnswer, error: BaseException | None = None) -> None:
        """Answer one, with an error if there is one."""
        self._leaving.pop(waiter.request_id, None)
        if waiter.answer.done():
            return
        if error is None:
            waiter.answer.set_result(answer)
        elif waiter.users:
            waiter.answer.set_exception(error)

    def impatient(self, after: int) -> list[Waiter]:
        """Take out those beyond the first ``after`` whose time is over."""
        if not self._has_impatient:
            return []
        over = [waiter for waiter in list(self._waiting.values())[after:] if not waiter.is_patient]
        for waiter in over:
            self._leaving[waiter.request_id] = self._waiting.pop(waiter.request_id)
        self._has_impatient = any(not waiter.is_patient for waiter in self._waiting.values())
        return over

    def fail(self, count: int, error: BaseException) -> None:
        """Answer the first ``count`` with an error."""
        for _ in range(min(count, len(self._waiting))):
            self.give(self.take(), LeaseAnswer(LeaseStatus.NONE_YET), error)
