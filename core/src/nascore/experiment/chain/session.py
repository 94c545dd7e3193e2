"""The chain as a session, and what is asked of the plugin's tuner before it begins: can it search here at all?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from nascore.errors import NascoreError
from nascore.experiment.chain.tuner import Chain
from nascore.record import Asked, Derived, JsonValue, Mode, OneShot, Report, Told, Verdict
from nascore.record.jsonform import one_shot_to_json
from nascore.tuner import Answer, Description, LocalSession, Setup, TunerSession


class ChainSession:
    """Keeps the promises of `TunerSession` for the chain of one experiment.

    Args:
        plan: How the search goes.
        tuner: A session with the plugin's tuner, to be asked once whether it can tune this; it is closed then. ``None``
            if it was asked before.
    """

    def __init__(self, plan: OneShot, *, tuner: TunerSession | None = None) -> None:
        self._plan = plan
        self._tuner = tuner
        self._session = LocalSession(Chain, may_search=True)

    async def describe(self) -> Description:
        """Return who the chain is."""
        return await self._session.describe()

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Ask the plugin's tuner, with its settings, then open the chain.

        Raises:
            SettingsError: The tuner's settings are wrong.
            UnsupportedError: The tuner cannot search this space.
        """
        if (tuner := self._tuner) is not None:
            await tuner.open(one_shot_setup(setup, self._plan), settings)
            await tuner.close()
            self._tuner = None
        await self._session.open(setup, one_shot_to_json(self._plan), state=state, state_seq=state_seq)

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Return the next trials of the chain."""
        return await self._session.ask(first_number, seeds, outcomes=outcomes, told_through=told_through)

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell what came of trials."""
        await self._session.tell(outcomes, after_seq=after_seq)

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the chain up to date."""
        return await self._session.replay(events)

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Let every trial go on."""
        return await self._session.review(reports)

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Raise `UnsupportedError`: the supernets derive, not the chain."""
        return await self._session.derive(count)

    async def snapshot(self) -> None:
        """Return ``None``: it is rebuilt by replay."""

    async def close(self) -> None:
        """End the chain, and the session with the plugin's tuner if there is one still."""
        if (tuner := self._tuner) is not None:
            with suppress(NascoreError):
                await tuner.close()
            self._tuner = None
        await self._session.close()


def one_shot_setup(setup: Setup, plan: OneShot) -> Setup:
    """Return what a sample session is opened with, as far as it is known before a supernet is trained."""
    return replace(
        setup,
        mode=Mode.ONE_SHOT,
        schedule=plan.schedule,
        workers=plan.workers,
        batches_per_epoch=setup.batches_per_epoch or 1,
    )
