"""A tuner's session as the engine sees it: the same calls whether the tuner is in this process, in a child or far away.

Calls of one session come one at a time and in order. The values are those of ``protos/nascore/v1/tuner.proto``.

Not here: the sessions themselves (``local``, ``remote``, ``supervised``), and what keeps a tuner honest
(``conductor``).
"""

from __future__ import annotations

__all__ = ["PROTOCOL_VERSION", "Answer", "AskStatus", "Description", "History", "TunerSession", "no_history"]

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nascore.errors import UnavailableError
from nascore.record import Asked, AskStatus, Derived, JsonValue, Proposal, Report, Told, Verdict
from nascore.tuner.contract import Determinism, Mode, Setup

PROTOCOL_VERSION = 1
"""Version of ``nascore.v1.TunerService`` that this package speaks."""


History = Callable[[], Iterable[Asked | Told]]


def no_history() -> Iterable[Asked | Told]:
    """Stand for the history of a session that keeps none: what it is lost with is lost, and its owner opens it anew.

    Raises:
        UnavailableError: Always.
    """
    raise UnavailableError("The tuner was lost, and nothing of this session is replayed.", hint="Open it anew.")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an ask: proposals numbered without gaps, and why there are fewer than wanted."""

    proposals: tuple[Proposal, ...]
    status: AskStatus = AskStatus.OK


@dataclass(frozen=True, slots=True)
class Description:
    """Who a tuner is and what it can do.

    Attributes:
        name: Name under which it is asked for.
        version: Version of the package that holds it.
        summary: One sentence for people.
        modes: In which way it learns.
        node_kinds: Kinds of nodes it handles; empty for all.
        max_objectives: Most objectives it optimises together; 0 for any number.
        uses_fidelity: Whether it sets budgets.
        determinism: How faithfully it repeats itself.
        settings_schema_json: JSON Schema of its settings; empty if it has none.
        can_review: Whether it judges intermediate reports.
        can_derive: Whether it derives final architectures.
        can_snapshot: Whether it saves its state.
        can_stream: Whether it answers asks on a stream.
        ignores_outcomes: Whether its proposals are the same whatever it is told, so that it may be asked ahead.
        can_recall: Whether the samples of a one-shot session may be told by their numbers alone.
        frames_path: Unix socket at which it answers asks as frames; empty for none.
        min_protocol: Smallest version of the protocol it speaks.
        max_protocol: Largest version of the protocol it speaks.
    """

    name: str
    version: str
    summary: str = ""
    modes: frozenset[Mode] = frozenset({Mode.MULTI_TRIAL})
    node_kinds: frozenset[str] = frozenset()
    max_objectives: int = 1
    uses_fidelity: bool = False
    determinism: Determinism = Determinism.REPLAY
    settings_schema_json: str = ""
    can_review: bool = False
    can_derive: bool = False
    can_snapshot: bool = False
    can_stream: bool = False
    ignores_outcomes: bool = False
    can_recall: bool = False
    frames_path: str = ""
    min_protocol: int = PROTOCOL_VERSION
    max_protocol: int = PROTOCOL_VERSION


class TunerSession(Protocol):
    """What the engine talks to.

    Every call may raise `TunerCrashedError`: the call failed, the next may work; `StateError`: the tuner is out of step
    with the log, and must be opened anew; and `DeadlineError` or `UnavailableError` where it is not supervised.
    """

    async def describe(self) -> Description:
        """Return who the tuner is and what it can do; needs no open session."""

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew, from a saved state if one is given.

        Raises:
            SettingsError: With one violation a setting.
            UnsupportedError: With the tuner's sentence on what it cannot handle.
        """

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed; the same question gives the same answer.

        Args:
            first_number: Number of the first proposal wanted.
            seeds: One seed a proposal, 1 to 256.
            outcomes: Outcomes to take first, seq rising.
            told_through: Seq of the last outcome that the tuner has taken once it has taken these.

        Raises:
            StateError: If outcomes are missing in between.
        """

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``; those taken already are passed over.

        Raises:
            StateError: If outcomes are missing in between.
        """

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the tuner up to date with logged events, in order; those taken already are passed over.

        Returns:
            Numbers of the proposals that came out otherwise than logged.
        """

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return one verdict a report."""

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first.

        Raises:
            UnsupportedError: If the tuner derives none.
        """

    async def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq of the last outcome in it, or ``None`` if it keeps none.

        A supervised session starts a lost tuner again from there, so its history is then what came afterwards.

        Raises:
            ExhaustedResourceError: If the state is too large to be kept; the tuner is unharmed.
        """

    async def close(self) -> None:
        """End the session and free what it holds; closing twice is harmless."""
