"""Several experiments of callers that keep no log: a tuner of its own for each, and not more of them than fit.

What is not kept is made again from the caller's trials when it comes back; see `nascore.tuner.retelling`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from nascore.errors import NascoreError, StateError, TunerCrashedError
from nascore.record import Asked, JsonValue, Told
from nascore.tuner.address import connect
from nascore.tuner.contract import Setup
from nascore.tuner.limits import HostLimits
from nascore.tuner.retelling import Retelling
from nascore.tuner.session import Description, History, TunerSession

MOST_OPEN = 16
"""Experiments whose tuners are kept running."""

_LOG = logging.getLogger(__name__)


class _Tuner:
    """A tuner that runs, and for whom: its history is that of the experiment it serves."""

    def __init__(self) -> None:
        self.session: TunerSession
        self.name = ""
        self.history: History = tuple

    def taken(self) -> Iterable[Asked | Told]:
        """Return what it took since it was opened for whom it serves now."""
        return self.history()


class Retellings:
    """The experiments at work, by the caller's name for them. Belongs to one event loop.

    Args:
        address: The tuner: a name, ``exec:``, ``grpc://`` or ``grpcs://``.
        limits: What each may take.
        insecure: Allow ``grpc://`` to another machine without TLS.
        most_open: How many tuners are kept running; of more the one that was not asked for longest is closed.
    """

    def __init__(
        self, address: str, *, limits: HostLimits | None = None, insecure: bool = False, most_open: int = MOST_OPEN
    ) -> None:
        self._address = address
        self._limits = limits
        self._insecure = insecure
        self._most_open = most_open
        self._open: OrderedDict[str, Retelling] = OrderedDict()
        self._users: Counter[Retelling] = Counter()
        self._description: Description | None = None
        self._spare: _Tuner | None = None
        self._lock = asyncio.Lock()
        self._is_closed = False

    @asynccontextmanager
    async def use(self, name: str, setup: Setup, settings: Mapping[str, JsonValue]) -> AsyncIterator[Retelling]:
        """Give the experiment of a name, opened; it is not closed while it is used.

        One that is open for another setup is opened anew, and so is one whose tuner crashed for good.

        Raises:
            StateError: All were closed.
            NascoreError: As `nascore.tuner.connect` and `TunerSession.open`.
        """
        async with self._lock:  # Opening takes a quarter of a second, and is rare.
            found = await self._found(name, setup, settings)
            self._users[found] += 1
        try:
            yield found
        except TunerCrashedError as error:
            if not error.is_retryable and self._open.get(name) is found:
                await self._open.pop(name).close()
            raise
        finally:
            self._users[found] -= 1
            if not self._users[found]:
                del self._users[found]

    async def describe(self) -> Description:
        """Return who the tuner is; the one that is started for that serves the first experiment.

        Raises:
            NascoreError: As `nascore.tuner.connect`.
        """
        async with self._lock:
            if self._description is None:
                self._spare = await self._connected()
                self._description = await self._spare.session.describe()
            return self._description

    async def close(self) -> None:
        """End all sessions."""
        async with self._lock:
            self._is_closed = True
            while self._open:
                await self._open.popitem()[1].close()
            if self._spare is not None:
                await self._spare.session.close()

    async def _found(self, name: str, setup: Setup, settings: Mapping[str, JsonValue]) -> Retelling:
        if self._is_closed:
            raise StateError("The service is ending.")
        found = self._open.get(name)
        if found is not None and (found.setup, found.settings) == (setup, settings):
            self._open.move_to_end(name)
            return found
        if found is not None:
            await self._open.pop(name).close()
        await self._make_room()
        made = self._open[name] = await self._opened(name, setup, settings)
        return made

    async def _opened(self, name: str, setup: Setup, settings: Mapping[str, JsonValue]) -> Retelling:
        made = Retelling(setup, settings)
        tuner, self._spare = self._spare or await self._connected(), None
        tuner.name, tuner.history = name, made.history
        try:
            await made.open(tuner.session)
        except NascoreError:
            self._spare = tuner  # It refused; another experiment may suit it.
            raise
        except BaseException:
            await tuner.session.close()
            raise
        return made

    async def _connected(self) -> _Tuner:
        tuner = _Tuner()
        tuner.session = await connect(
            self._address,
            history=tuner.taken,
            limits=self._limits,
            on_trouble=lambda trouble: _LOG.warning("Experiment %s: %s", tuner.name, trouble),
            insecure=self._insecure,
        )
        return tuner

    async def _make_room(self) -> None:
        idle = [name for name, retelling in self._open.items() if retelling not in self._users]
        for name in idle[: max(0, len(self._open) + 1 - self._most_open)]:
            await self._open.pop(name).close()
