"""A mixture: a weight for every candidate, as one-shot methods use it.

A mixture does not choose: every candidate with a weight is computed, and the outputs are added up with their weights.
A weight of 0 means that the candidate is not computed, unless its gradient is wanted. Not here: how weights come about
(the tuner) and how they are applied (the trial SDK).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from operator import lt

from nascore.errors import ArchitectureError, Violation
from nascore.space.architecture import Value


@dataclass(frozen=True, slots=True)
class MixedDecision:
    """The weights of one decision.

    Attributes:
        path: Path of a OneOf, a SomeOf or a Repeat.
        weights: One for each candidate, those for search only included; of a Repeat, one for each possible count.
        graded: Ascending indices of the weights whose gradient is wanted.

    Raises:
        ArchitectureError: A weight is not finite, or ``graded`` is not ascending within the weights.
    """

    path: str
    weights: tuple[float, ...]
    graded: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # Looked at with every step of a search: at the speed of C where all is well.
        weights, graded = self.weights, self.graded
        is_well = bool(weights) and all(map(isfinite, weights))
        if graded:
            is_well = is_well and graded[0] >= 0 and graded[-1] < len(weights) and all(map(lt, graded, graded[1:]))
        if not is_well:
            wrong = tuple(_faults(self))
            raise ArchitectureError(f"Not a mixed decision: {wrong[0]}", violations=wrong)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights for decisions, sorted by path; a path appears once.

    Raises:
        ArchitectureError: A path appears twice.

    Attributes:
        decisions: Those that are mixed, sorted by path.
        fixed: Those that are taken and not mixed, by path: numbers, and candidates whose outputs
            cannot be added up.
    """

    decisions: tuple[MixedDecision, ...]
    fixed: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        paths = [decision.path for decision in self.decisions]
        if not all(map(lt, paths, paths[1:])):
            ordered = tuple(sorted(self.decisions, key=lambda decision: decision.path))
            for first, second in pairwise(ordered):
                if first.path == second.path:
                    raise ArchitectureError(f"The mixture gives weights for {first.path!r} twice; give them once.")
            object.__setattr__(self, "decisions", ordered)
        if self.fixed:
            both = next((path for path in paths if path in self.fixed), None)
            if both is not None:
                raise ArchitectureError(f"The mixture both mixes and fixes {both!r}; do one of them.")
            object.__setattr__(self, "fixed", {path: self.fixed[path] for path in sorted(self.fixed)})


def _faults(decision: MixedDecision) -> Iterator[Violation]:
    if not decision.weights:
        yield Violation(decision.path, "has no weights; give one for each candidate")
    for index, weight in enumerate(decision.weights):
        if not isfinite(weight):
            yield Violation(decision.path, f"weight {index} is {weight}, which is not a finite number")
    count = len(decision.weights)
    is_ascending = all(low < high for low, high in pairwise(decision.graded))
    if not is_ascending or any(not 0 <= index < count for index in decision.graded):
        yield Violation(decision.path, f"graded {decision.graded} must be ascending indices below {count}")
