"""A talk: the calls of a `TunerSession`, one after another, without an event loop in sight.

Checks are plain functions, so that hypothesis can call them a thousand times. Not here: which session (``subject``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from nascore.record import Asked, Derived, JsonValue, Told
from nascore.tuner.contract import Setup
from nascore.tuner.session import Answer, TunerSession


class Talk:
    """One session with a tuner; see `TunerSession` for what the calls mean and raise."""

    def __init__(self, session: TunerSession, runner: asyncio.Runner) -> None:
        self._session = session
        self._runner = runner

    def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew."""
        self._runner.run(self._session.open(setup, settings, state=state, state_seq=state_seq))

    def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed."""
        return self._runner.run(self._session.ask(first_number, seeds, outcomes=outcomes, told_through=told_through))

    def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``."""
        self._runner.run(self._session.tell(outcomes, after_seq=after_seq))

    def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Replay logged events."""
        return self._runner.run(self._session.replay(events))

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return final architectures."""
        return self._runner.run(self._session.derive(count))

    def snapshot(self) -> tuple[bytes, int] | None:
        """Return its state and the seq it covers."""
        return self._runner.run(self._session.snapshot())

    def close(self) -> None:
        """End the session."""
        self._runner.run(self._session.close())
