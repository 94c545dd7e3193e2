"""Architectures under constraints: counting them, numbering them, and finding them when chance does not.

Constraints tie only those top-level parts together that they speak of; parts that no constraint connects multiply. So a
space is counted exactly if every connected group of parts has few enough ways to try them all.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from nascore.errors import ConstraintError, UnsupportedError
from nascore.space.architecture import Value
from nascore.space.constraint import Constraint, is_satisfied, paths_in
from nascore.space.counting import Numbering, product
from nascore.space.plan import Decisions, Plan, node_table
from nascore.space.scope import Placed, Scope
from nascore.space.size import Size

MAX_TRIED = 20_000
"""Up to so many ways are tried one by one."""


class Feasible:
    """The architectures of a plan that satisfy its constraints.

    Attributes:
        numbering: Counts and numbers all architectures of the plan, constraints not regarded.
    """

    def __init__(self, plan: Plan) -> None:
        self.numbering = Numbering(plan.root)
        self._plan = plan

    @cached_property
    def size(self) -> Size:
        """How many there are."""
        low: int | float = 1
        high: int | float = 1
        is_exact = True
        for members, constraints in self._parts():
            found = self._part_size(members, constraints)
            low, high = _times(low, found.low), _times(high, found.high)
            is_exact = is_exact and found.is_exact
        return Size(low, high, is_exact or low == high)

    @cached_property
    def numbers(self) -> list[int] | None:
        """Ascending numbers, among all, of those that satisfy; None if there are too many to try."""
        count = self.numbering.count(self._plan.root)
        if count is None or count > MAX_TRIED:
            return None
        return [index for index in range(count) if self._plan.violated(self.numbering.at(index)) is None]

    def count(self) -> int:
        """How many can be numbered.

        Raises:
            UnsupportedError: They cannot be counted, or constraints leave too many to try.
        """
        if not self._plan.constraints:
            count = self.numbering.count(self._plan.root)
            if count is None:
                self.numbering.at(0)  # names the range of real numbers
            return count or 0
        return len(self._tried_numbers())

    def at(self, index: int) -> dict[str, Value]:
        """The decisions with a number from 0 to ``count() - 1``."""
        return self.numbering.at(self._tried_numbers()[index] if self._plan.constraints else index)

    def index_of(self, decisions: Decisions) -> int:
        """The number of decisions that are valid."""
        index = self.numbering.index_of(decisions)
        return bisect.bisect_left(self._tried_numbers(), index) if self._plan.constraints else index

    def _tried_numbers(self) -> list[int]:
        if self.numbers is None:
            raise UnsupportedError(
                f"The architectures cannot be numbered: the space has constraints and more than {MAX_TRIED:,} "
                "architectures to try them on.",
                hint="Use sample, or enumerate and stop early.",
            )
        return self.numbers

    def _part_size(self, members: tuple[Placed, ...], constraints: tuple[Constraint, ...]) -> Size:
        count = product(map(self.numbering.count_placed, members))
        if not constraints:
            exact = math.inf if count is None else count
            return Size(exact, exact, is_exact=True)
        if count is None:
            return Size(0, math.inf, is_exact=False)
        tried = min(count, MAX_TRIED)
        good = sum(self._satisfies(members, constraints, index) for index in range(tried))
        return Size(good, good + count - tried, is_exact=tried == count)

    def _satisfies(self, members: tuple[Placed, ...], constraints: tuple[Constraint, ...], index: int) -> bool:
        decisions: dict[str, Value] = {}
        self.numbering.decide(members, index, "", decisions)
        return all(is_satisfied(each, lambda path: self._plan.result_at(path, decisions)) for each in constraints)

    def _parts(self) -> Iterator[tuple[tuple[Placed, ...], tuple[Constraint, ...]]]:
        """Top-level members with the constraints that connect them; free members come together as one part."""
        owners = self._owners()
        groups = _Groups()
        read = [{owners[path] for path in paths_in(constraint.expression)} for constraint in self._plan.constraints]
        for members in read:
            groups.connect(members)
        by_group: dict[int, set[int]] = {}
        for member in set().union(*read):
            by_group.setdefault(groups.of(member), set()).add(member)
        all_members = self._plan.root.members
        free = tuple(all_members[index] for index in range(len(all_members)) if index not in set().union(*read))
        yield free, ()
        pairs = list(zip(self._plan.constraints, read, strict=True))
        for indices in by_group.values():
            yield (
                tuple(all_members[index] for index in sorted(indices)),
                tuple(constraint for constraint, members in pairs if members and members <= indices),
            )
        yield (), tuple(constraint for constraint, members in pairs if not members)

    def _owners(self) -> dict[str, int]:
        """The top-level member to which each path belongs."""
        return {
            path: index for index, member in enumerate(self._plan.root.members) for path in node_table(Scope((member,)))
        }


class _Groups:
    """Sets of numbers that are joined step by step (union-find)."""

    def __init__(self) -> None:
        self._leaders: dict[int, int] = {}

    def of(self, member: int) -> int:
        leader = member
        while self._leaders.get(leader, leader) != leader:
            leader = self._leaders[leader]
        return leader

    def connect(self, members: set[int]) -> None:
        leaders = sorted(map(self.of, members))
        self._leaders.update(dict.fromkeys(leaders, leaders[0]) if leaders else {})


def unsatisfied(violated: Counter[str], tries: int) -> ConstraintError:
    """The error that names the constraint which stood in the way most often."""
    name, times = violated.most_common(1)[0]
    return ConstraintError(
        f"No architecture that satisfies the constraint {name!r} was found in {tries:,} tries ({times:,} violated it).",
        hint="Loosen the constraint, or remove the candidates that it forbids from the space.",
    )


def _times(first: int | float, second: int | float) -> int | float:
    if first == 0 or second == 0:
        return 0
    return math.inf if math.inf in (first, second) else first * second
