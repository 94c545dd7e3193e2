"""A tuner of nascore, asked from any thread without ``await``.

Installed tuners run in this process; ``exec:`` and ``grpc:`` addresses are connected to as in a search, and programs
are started again and replayed when they die. All calls run on one event loop in a thread of their own, one at a time.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from threading import Thread
from typing import Any, TypeVar

from nascore.record import Asked, AskStatus, JsonValue, Outcome, Proposal, Told
from nascore.tuner import LocalSession, Settings, Setup, Tuner, TunerSession, connect, load_tuner

_log = logging.getLogger(__name__)
_CLOSING_S = 10

ResultT = TypeVar("ResultT")


class Session:
    """One session of one tuner. Calls of several threads must not overlap.

    Args:
        tuner: Name of an installed tuner, an address, or the class itself.
        setup: What it is opened with.
        settings: Its settings.

    Raises:
        NotFoundError: No tuner of that name is installed.
        SettingsError: A setting is wrong.
        UnsupportedError: The tuner cannot handle the space or the objectives.
    """

    def __init__(self, tuner: str | type[Tuner[Any]], setup: Setup, settings: Mapping[str, JsonValue]) -> None:
        self._events: list[Asked | Told] = []
        self._told = 0
        self._loop = asyncio.new_event_loop()
        thread = Thread(target=self._loop.run_forever, name="nascore tuner", daemon=True)
        thread.start()
        self._end = weakref.finalize(self, _end, self._loop, thread, holder := _Holder())
        try:
            holder.session = self._session = self._run(_session(tuner, self._events))
            self._run(self._session.open(setup, settings))
        except BaseException:
            self._end()
            raise

    def ask(self, number: int, seed: int, outcomes: Sequence[tuple[Proposal, Outcome]]) -> Proposal | AskStatus:
        """Tell outcomes, then ask for one proposal.

        Raises:
            TunerCrashedError: The tuner raised, hung or died; the next question may be answered.
        """
        told = [Told(self._told + place, *pair) for place, pair in enumerate(outcomes, 1)]
        through = self._told + len(told)
        answer = self._run(self._session.ask(number, [seed], outcomes=told, told_through=through))
        self._events.extend(told)
        self._told = through
        if not answer.proposals:
            return answer.status
        self._events.append(Asked(answer.proposals[0], seed))
        return answer.proposals[0]

    def close(self) -> None:
        """End the session, and the program if there is one; closing twice is harmless."""
        self._end()

    def _run(self, call: Coroutine[Any, Any, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()


class _Holder:
    """The session to close at the end; kept apart, so that whoever owns it can be collected."""

    session: TunerSession | None = None


async def _session(tuner: str | type[Tuner[Any]], events: list[Asked | Told]) -> TunerSession:
    if isinstance(tuner, str) and ":" in tuner:
        return await connect(tuner, history=lambda: list(events), on_trouble=_log.warning)
    tuner_type, version = load_tuner(tuner) if isinstance(tuner, str) else (tuner, "")
    local: type[Tuner[Settings]] = tuner_type
    return LocalSession(local, version=version)


def _end(loop: asyncio.AbstractEventLoop, thread: Thread, holder: _Holder) -> None:
    if holder.session is not None:
        asyncio.run_coroutine_threadsafe(holder.session.close(), loop).result(_CLOSING_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_CLOSING_S)
    loop.close()
