"""A tuner that is looked after, as a session: each call says what it is about, and notes what the tuner took.

Not here: what is done about one that dies, hangs or grows (``supervision``), what an endpoint is (``endpoints``), and
the calls themselves (``remote``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nascore.errors import StateError, UnsupportedError
from nascore.record import Asked, Derived, JsonValue, Report, Told, Verdict
from nascore.tuner.contract import Setup
from nascore.tuner.endpoints import Endpoint
from nascore.tuner.limits import HostLimits
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.sealed import SealedAnswer, SealedTold
from nascore.tuner.session import Answer, Description, History
from nascore.tuner.suitability import why_unclaimed
from nascore.tuner.supervision import Call, ResultT, Supervision
from nascore.tuner.whereabouts import Opening


class SupervisedTuner:
    """Keeps the promises of `TunerSession` whatever the tuner does. One call at a time; others wait.

    Args:
        endpoint: Where the tuner comes from.
        history: What it had taken since it was opened or its state was last saved, in order: what it proposed and what
            it was told. With `no_history` no call is repeated: where the tuner is lost it fails with
            `UnavailableError`, and the session must be opened again.
        limits: Memory, deadlines and patience.
        on_trouble: Told one sentence for every death, divergence and quarantine.
    """

    def __init__(
        self, endpoint: Endpoint, *, history: History, limits: HostLimits, on_trouble: Callable[[str], None]
    ) -> None:
        self._supervision = Supervision(endpoint, history=history, limits=limits, on_trouble=on_trouble)
        self._whereabouts = self._supervision.whereabouts

    async def describe(self) -> Description:
        """Return who the tuner is; asked for once."""
        if self._supervision.description is None:
            self._supervision.description = await self._supervision.run("describe", lambda tuner: tuner.describe())
        return self._supervision.description

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew."""
        opening = Opening(setup, dict(settings), state, state_seq)

        async def call(tuner: RemoteTuner) -> None:
            await tuner.open(setup, settings, state=state, state_seq=state_seq)
            self._whereabouts.begin(opening)
            self._supervision.description = await tuner.describe()

        self._whereabouts.opening = None
        # A program in another language need not refuse what it never claimed.
        if reason := why_unclaimed(await self.describe(), setup):
            raise UnsupportedError(reason)
        await self._supervision.run("open", call)

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed."""
        answer = await self._in_session(
            f"ask of trial {first_number}",
            lambda tuner: tuner.ask(first_number, seeds, outcomes=outcomes, told_through=told_through),
        )
        self._whereabouts.advance(outcomes)
        return answer

    async def exchange(
        self, first_number: int, seeds: Sequence[int], *, told: Sequence[SealedTold], told_through: int
    ) -> SealedAnswer:
        """Tell what came of samples, then ask for one sample a seed; see `SampleSession.exchange`."""
        answer = await self._in_session(
            f"ask of trial {first_number}",
            lambda tuner: tuner.exchange(first_number, seeds, told=told, told_through=told_through),
        )
        self._whereabouts.advance_to(told_through)
        return answer

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``."""
        await self._in_session(_telling(outcomes), lambda tuner: tuner.tell(outcomes, after_seq=after_seq))
        self._whereabouts.advance(outcomes)

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the tuner up to date with logged events."""
        diverged = await self._in_session("replay", lambda tuner: tuner.replay(events))
        self._whereabouts.advance([event for event in events if isinstance(event, Told)])
        return diverged

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return one verdict a report."""
        return await self._in_session("review", lambda tuner: tuner.review(reports))

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        return await self._in_session("derive", lambda tuner: tuner.derive(count))

    async def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq it covers, or ``None``; from now on it is started again from there."""
        saved = await self._in_session("snapshot", lambda tuner: tuner.snapshot())
        if saved is not None:
            self._whereabouts.save(*saved)
        return saved

    async def close(self) -> None:
        """End the session and the process."""
        await self._supervision.close()

    async def _in_session(self, event: str, call: Call[ResultT]) -> ResultT:
        if self._whereabouts.opening is None:
            raise StateError("The session is not open.", hint="Call open first.")
        return await self._supervision.run(event, call)


def _telling(outcomes: Sequence[Told]) -> str:
    return f"tell of trial {outcomes[0].proposal.number}" if outcomes else "tell"
