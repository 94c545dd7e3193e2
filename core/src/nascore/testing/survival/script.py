"""What may happen to a tuner in a search, as a list of steps: asks and outcomes of several workers, and accidents.

Not here: acting it out (``rehearsal``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nascore.record import Outcome, OutcomeStatus

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


class Act(StrEnum):
    """What happens in a step. The last three are accidents, which must change nothing."""

    ASK = "ask"
    """Some workers want proposals; the tuner takes what came in meanwhile."""
    FINISH = "finish"
    """A worker is done with its trial."""
    FOREIGN = "foreign"
    """An architecture that a person put in is done."""
    SAVE = "save"
    """The tuner's state is saved."""
    REPEAT = "repeat"
    """The last question, its outcomes included, comes a second time."""
    KILL = "kill"
    """The tuner is killed and brought back."""


ACCIDENTS = frozenset({Act.SAVE, Act.REPEAT, Act.KILL})


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``amount`` picks how many proposals, which worker, and how a trial ended."""

    act: Act
    amount: int = 0


def outcome_of(amount: int, *, metrics: Sequence[str]) -> Outcome:
    """Return how a trial ended: mostly well, with values that often tie."""
    status = list(OutcomeStatus)[amount // 7 % len(OutcomeStatus)] if amount % 4 == 3 else OutcomeStatus.COMPLETED
    has_metrics = status in (OutcomeStatus.COMPLETED, OutcomeStatus.PRUNED)
    return Outcome(status, dict.fromkeys(metrics, amount % 11 / 7) if has_metrics else {})


def scripts(*, most: int = 24) -> SearchStrategy[tuple[Step, ...]]:
    """Scripts of up to ``most`` steps; hypothesis shrinks one that fails to the few steps that matter."""
    # hypothesis comes with the extra "testing", and only those who test need it.
    from hypothesis import strategies as st  # noqa: PLC0415  # heavy and optional, see above

    acts = (Act.ASK, Act.FINISH, Act.ASK, Act.FINISH, Act.FOREIGN, Act.SAVE, Act.REPEAT, Act.KILL)
    step = st.builds(Step, st.sampled_from(acts), st.integers(0, 499))
    return st.lists(step, min_size=1, max_size=most).map(tuple)
