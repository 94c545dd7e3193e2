"""What a caller that keeps trials but no log brings, and what it gets; see `nascore.tuner.retelling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nascore.errors import StateError, UnavailableError
from nascore.record import AskStatus, Outcome, Proposal
from nascore.space import Architecture


class KnownTrial(Protocol):
    """A trial as its keeper tells of it.

    Of a trial that the tuner was told of only the number is looked at, as long as nothing is replayed; so what costs
    something to read is best read when it is asked for.
    """

    @property
    def key(self) -> str:
        """What its keeper calls it."""

    @property
    def number(self) -> int | None:
        """Number of the proposal that it tries; ``None`` if the tuner did not propose it."""

    @property
    def architecture(self) -> Architecture | None:
        """What it tries; ``None`` if that does not fit the space, and nobody is told of it then."""

    @property
    def outcome(self) -> Outcome | None:
        """What came of it; ``None`` while it runs."""

    @property
    def ended_at(self) -> float:
        """When it ended, in any unit that rises; outcomes are told in this order."""


@dataclass(frozen=True, slots=True)
class Retold:
    """The answer to a question.

    Attributes:
        proposals: What to try, numbered; perhaps fewer than wanted.
        status: Why there are fewer.
        chronicle: To be kept with the trials and brought along next time. An answer that is not kept is not made.
    """

    proposals: tuple[Proposal, ...]
    status: AskStatus
    chronicle: str

    def require(self, count: int) -> None:
        """Make sure that there are as many proposals as wanted, for a caller that takes no fewer.

        Raises:
            StateError: There are fewer, and will never be more.
            UnavailableError: There are fewer until a trial has ended.
        """
        found = len(self.proposals)
        if found >= count:
            return
        if self.status is AskStatus.EXHAUSTED:
            raise StateError(
                f"The tuner has nothing more to propose: of {count} proposals that are wanted it has {found}.",
                hint="End the search, or ask for so many; a larger space has more.",
            )
        raise UnavailableError(
            f"The tuner waits for trials to end: of {count} proposals that are wanted it has {found}.",
            hint="If no trial is running, ask for fewer at a time.",
        )
