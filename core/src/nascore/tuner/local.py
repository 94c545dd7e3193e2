"""A tuner in this very process: for tests and notebooks, where a strategy that hangs may hang everything.

Not for servers: there a strategy runs in a process of its own (``nascore.tuner.connect``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from nascore.errors import StateError, TunerCrashedError
from nascore.record import Asked, Derived, JsonValue, Report, Told, Verdict
from nascore.tuner.conductor import Conductor
from nascore.tuner.contract import Settings, Setup, Tuner
from nascore.tuner.session import Answer, Description
from nascore.tuner.settings import settings_schema

ResultT = TypeVar("ResultT")


class LocalSession:
    """Keeps the promises of `TunerSession` for a tuner in this process.

    After the tuner raised, it is made anew and given again all it had taken since its state was last saved.

    Args:
        tuner_type: The tuner.
        version: Version of the package that holds it.
        may_search: Whether it may propose to train supernets, which only the core's own does.
    """

    def __init__(self, tuner_type: type[Tuner[Settings]], *, version: str = "", may_search: bool = False) -> None:
        self._type = tuner_type
        self._may_search = may_search
        self._version = version
        self._conductor: Conductor | None = None
        self._make: Callable[..., Conductor] | None = None
        self._state: bytes | None = None
        self._state_seq = 0
        self._taken: list[Asked | Told] = []

    async def describe(self) -> Description:
        """Return who the tuner is and what it can do."""
        return describe(self._type, version=self._version)

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew."""
        self._make = partial(
            Conductor,
            self._type,
            setup,
            settings=dict(settings),
            version=self._version,
            may_search=self._may_search,
        )
        self._begin(state, state_seq)
        self._conductor = self._made()

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed."""
        answer = self._call(
            lambda conductor: conductor.ask(first_number, seeds, outcomes=outcomes, told_through=told_through)
        )
        self._keep(outcomes)
        self._taken.extend(Asked(proposal, seed) for proposal, seed in zip(answer.proposals, seeds, strict=False))
        return answer

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``."""
        self._call(lambda conductor: conductor.tell(outcomes, after_seq=after_seq))
        self._keep(outcomes)

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the tuner up to date with logged events."""
        diverged = self._call(lambda conductor: conductor.replay(events))
        self._taken.extend(events)
        return diverged

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return one verdict a report."""
        return self._call(lambda conductor: conductor.review(reports))

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        return self._call(lambda conductor: conductor.derive(count))

    async def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq it covers, or ``None``."""
        saved = self._call(lambda conductor: conductor.snapshot())
        if saved is not None:
            self._begin(*saved)
        return saved

    async def close(self) -> None:
        """End the session."""
        self._conductor = self._make = None

    def _call(self, action: Callable[[Conductor], ResultT]) -> ResultT:
        if self._conductor is None:
            rebuilt = self._made()
            if diverged := rebuilt.replay(self._taken):
                numbers = ", ".join(map(str, diverged[:10]))
                raise StateError(f"{rebuilt.label} proposed otherwise than before when made anew (trials {numbers}).")
            self._conductor = rebuilt
        try:
            return action(self._conductor)
        except TunerCrashedError:
            self._conductor = None
            raise

    def _begin(self, state: bytes | None, seq: int) -> None:
        self._state, self._state_seq, self._taken = state, seq, []

    def _made(self) -> Conductor:
        if self._make is None:
            raise StateError("The session is not open.", hint="Call open first.")
        return self._make(state=self._state, state_seq=self._state_seq)

    def _keep(self, outcomes: Sequence[Told]) -> None:
        self._taken.extend(outcomes)


def describe(tuner_type: type[Tuner[Settings]], *, version: str = "") -> Description:
    """Return the description of a tuner written in Python."""
    schema = settings_schema(tuner_type.settings_type)
    return Description(
        name=tuner_type.name,
        version=version,
        summary=tuner_type.summary,
        modes=tuner_type.modes,
        node_kinds=tuner_type.node_kinds,
        max_objectives=tuner_type.max_objectives,
        uses_fidelity=tuner_type.uses_fidelity,
        ignores_outcomes=tuner_type.ignores_outcomes,
        determinism=tuner_type.determinism,
        settings_schema_json=json.dumps(schema) if schema else "",
        can_review=tuner_type.review is not Tuner.review,
        can_derive=tuner_type.derive is not Tuner.derive,
        can_snapshot=tuner_type.snapshot is not Tuner.snapshot,
    )
