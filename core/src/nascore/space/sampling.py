"""Drawing architectures, and the default one.

Two kinds of uniform: over *decisions*, each drawn by itself from what it can be (the field's default), and over
*architectures*, each equally likely, by counting. The second hardly ever draws a shallow network from a space whose
deep part is large. Constraints are kept by drawing again; if chance finds nothing, all architectures are tried where
they are few.

Only ``rng.random()`` is used, whose stream Python keeps from version to version.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

from nascore.errors import UnsupportedError
from nascore.space.architecture import Architecture, Value, from_sorted
from nascore.space.domain import Domain, Random, below
from nascore.space.feasible import Feasible, unsatisfied
from nascore.space.plan import Decisions, Plan

MAX_DRAWS = 1000
"""So often is an architecture drawn again because of a constraint."""


def sample(plan: Plan, feasible: Feasible, rng: random.Random) -> Architecture:
    """Draws every decision by itself.

    Raises:
        ConstraintError: No architecture was found that satisfies the constraints; one is named.
    """
    if plan.constraints:
        return _satisfying(plan, feasible, rng.random, lambda: drawn(plan, rng.random))
    return from_sorted(drawn(plan, rng.random))


def sample_architectures(plan: Plan, feasible: Feasible, rng: random.Random) -> Architecture:
    """Draws each architecture with the same probability, by its number.

    Raises:
        ConstraintError: No architecture was found that satisfies the constraints; one is named.
        UnsupportedError: A range of real numbers makes them uncountable.
    """
    count = _countable(plan, feasible)

    def draw() -> dict[str, Value]:
        return _numbered(feasible, below(rng.random, count))

    if plan.constraints:
        return _satisfying(plan, feasible, rng.random, draw)
    return from_sorted(draw())


def drawn(plan: Plan, random: Random) -> dict[str, Value]:
    """Draws every decision by itself, constraints not regarded."""
    decisions: dict[str, Value] = {}
    for path, listed, count, domain, condition in plan.draws:
        if condition is None or condition.holds(decisions):
            # The common case is spelled out, for it is most of the cost of proposing an architecture.
            decisions[path] = domain.draw(random) if listed is None else listed[int(random() * count)]
    return decisions


def default(plan: Plan, feasible: Feasible) -> Architecture:
    """The first value of every decision; under constraints the first architecture that satisfies them.

    Raises:
        ConstraintError: No architecture was found that satisfies the constraints; one is named.
    """
    decisions = completed(plan, {}, first_value)
    if plan.violated(decisions) is None:
        return from_sorted(decisions)
    if feasible.numbers:
        return from_sorted(_numbered(feasible, feasible.numbers[0]))
    # Too many to try in order; a fixed seed keeps the default the same on every machine.
    return sample(plan, feasible, random.Random(0))


def enumerated(plan: Plan, feasible: Feasible) -> Iterator[Architecture]:
    """All architectures, one by one, in the order of their numbers.

    Raises:
        UnsupportedError: A range of real numbers makes them uncountable.
    """
    count = _countable(plan, feasible)

    def walk() -> Iterator[Architecture]:
        index = 0
        while index < count:
            decisions = _numbered(feasible, index)
            if plan.violated(decisions) is None:
                yield from_sorted(decisions)
            index += 1

    return walk()


def completed(plan: Plan, known: Decisions, fill: Callable[[Domain], Value]) -> dict[str, Value]:
    """Keeps the known decisions that are active, and fills in the active ones that are not known."""
    decisions: dict[str, Value] = {}
    for step in plan.steps:
        if step.condition is None or step.condition.holds(decisions):
            value = known.get(step.path)
            decisions[step.path] = fill(step.domain) if value is None else value
    return decisions


def first_value(domain: Domain) -> Value:
    """The default of a decision: the first candidate, the fewest candidates, the lowest number."""
    return domain.at(0)


def _numbered(feasible: Feasible, index: int) -> dict[str, Value]:
    return dict(sorted(feasible.numbering.at(index).items()))


def _countable(plan: Plan, feasible: Feasible) -> int:
    count = feasible.numbering.count(plan.root)
    if count is not None:
        return count
    ranges = [step.path for step in plan.steps if step.domain.count is None]
    raise UnsupportedError(
        f"The architectures cannot be counted or numbered: {ranges[0]!r} is a range of real numbers.",
        hint="Replace it by a OneOf or an Integer, or sample with uniform='decisions'.",
    )


def _satisfying(plan: Plan, feasible: Feasible, random: Random, draw: Callable[[], dict[str, Value]]) -> Architecture:
    violated: Counter[str] = Counter()
    for _ in range(MAX_DRAWS):
        decisions = draw()
        broken = plan.violated(decisions)
        if broken is None:
            return from_sorted(decisions)
        violated[broken.name] += 1
    if feasible.numbers:
        return from_sorted(_numbered(feasible, feasible.numbers[below(random, len(feasible.numbers))]))
    raise unsatisfied(violated, MAX_DRAWS)
