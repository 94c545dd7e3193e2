"""Architectures near others: mutation, crossover, and all neighbours.

A mutation changes exactly one decision; what becomes active with it is drawn, what is no longer active is dropped, and
everything else is kept. As in sampling, only ``rng.random()`` is used and constraints are kept by trying again.

Regularised evolution (Real et al., 2019, arXiv:1802.01548) mutates like this; local search (White et al., 2020,
arXiv:2005.02960) walks the neighbours.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from nascore.errors import ArchitectureError
from nascore.space.architecture import Architecture, Value, from_sorted, thawed
from nascore.space.domain import Domain, below
from nascore.space.feasible import unsatisfied
from nascore.space.plan import Decisions, Plan
from nascore.space.sampling import completed, first_value

MAX_TRIES = 200
"""So often is a change tried again because of a constraint."""

MAX_SCANNED = 10_000
"""So many neighbours are looked at when trying again found nothing."""


def mutate(plan: Plan, architecture: Architecture, rng: random.Random) -> Architecture:
    """Changes one decision, picked uniformly among the active ones that have another value.

    Raises:
        ArchitectureError: No active decision has another value.
        ConstraintError: No change was found that satisfies the constraints; one is named.
    """
    choices = _choices(plan, architecture)
    if not choices:
        raise ArchitectureError("The architecture cannot be mutated: none of its decisions has another value.")
    if not plan.constraints:
        return from_sorted(_mutated(plan, architecture, choices, rng))
    violated: Counter[str] = Counter()
    for _ in range(MAX_TRIES):
        decisions = _mutated(plan, architecture, choices, rng)
        broken = plan.violated(decisions)
        if broken is None:
            return from_sorted(decisions)
        violated[broken.name] += 1
    found = [near for near in islice(_changes(plan, architecture), MAX_SCANNED) if plan.violated(near) is None]
    if not found:
        raise unsatisfied(violated, MAX_TRIES)
    return from_sorted(found[below(rng.random, len(found))])


def crossover(plan: Plan, first: Architecture, second: Architecture, rng: random.Random) -> Architecture:
    """Takes every decision of the child from a parent that has it, by a coin where both have; draws it if neither has.

    Raises:
        ConstraintError: No child was found that satisfies the constraints; one is named.
    """
    violated: Counter[str] = Counter()
    for _ in range(MAX_TRIES):
        child = _crossed(plan, first, second, rng)
        broken = plan.violated(child)
        if broken is None:
            return from_sorted(child)
        violated[broken.name] += 1
    raise unsatisfied(violated, MAX_TRIES)


def neighbours(plan: Plan, architecture: Architecture) -> Iterator[Architecture]:
    """Every architecture that differs in one decision and satisfies the constraints.

    What becomes active with the change has its default. A real number steps to the other points of a grid of
    `nascore.space.domain.REAL_STEPS` steps, for it has no end of neighbours.
    """
    return (from_sorted(near) for near in _changes(plan, architecture) if plan.violated(near) is None)


def _choices(plan: Plan, architecture: Architecture) -> list[str] | tuple[str, ...]:
    if plan.is_flat:
        return plan.choices
    return [path for path in plan.choices if path in architecture]


def _mutated(
    plan: Plan, architecture: Architecture, choices: list[str] | tuple[str, ...], rng: random.Random
) -> dict[str, Value]:
    path = choices[int(rng.random() * len(choices))]
    step = plan.by_path[path]
    decisions = thawed(architecture)
    decisions[path] = step.domain.redraw(decisions[path], rng.random)
    if not step.has_dependents:
        return decisions
    return completed(plan, decisions, lambda domain: domain.draw(rng.random))


def _changes(plan: Plan, architecture: Architecture) -> Iterator[dict[str, Value]]:
    for path in _choices(plan, architecture):
        step = plan.by_path[path]
        for value in step.domain.others(architecture[path]):
            decisions = thawed(architecture)
            decisions[path] = value
            yield completed(plan, decisions, first_value) if step.has_dependents else decisions


def _crossed(plan: Plan, first: Decisions, second: Decisions, rng: random.Random) -> dict[str, Value]:
    child: dict[str, Value] = {}
    for step in plan.steps:
        if step.condition is None or step.condition.holds(child):
            child[step.path] = _inherited(step.path, step.domain, first, second, rng)
    return child


def _inherited(path: str, domain: Domain, first: Decisions, second: Decisions, rng: random.Random) -> Value:
    mother, father = first.get(path), second.get(path)
    if mother is not None and father is not None:
        return mother if rng.random() < 0.5 else father
    known = father if mother is None else mother
    return domain.draw(rng.random) if known is None else known
