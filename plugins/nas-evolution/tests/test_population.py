"""A population keeps the last so many, in their order, whatever their scores; and comes back as it was."""

from __future__ import annotations

from random import Random

import pytest
from nas_evolution import Member, Population
from nascore.record import Direction, Objective, Outcome, OutcomeStatus, Proposal
from nascore.space import Architecture


def told(population: Population, *scores: float, first: int = 0) -> Population:
    for number, score in enumerate(scores, start=first):
        proposal = Proposal(number, Architecture({"width": number, "rate": 0.5, "inputs": ("a", "b")}))
        population.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"metric": score}))
    return population


def population(size: int, direction: Direction = Direction.MAXIMIZE) -> Population:
    return Population(size, Objective("metric", direction))


def test_an_empty_population_has_no_best_and_no_winner() -> None:
    empty = population(3)
    assert (empty.members, empty.completed, empty.is_full) == ((), 0, False)
    with pytest.raises(ValueError, match="empty"):
        _ = empty.best
    with pytest.raises(IndexError):
        empty.winner(2, Random(0))


def test_an_outcome_of_no_architecture_never_enters() -> None:
    found = population(3)
    found.tell(Proposal(0), Outcome(OutcomeStatus.COMPLETED, {"metric": 1.0}))
    assert (found.members, found.completed) == ((), 0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_members_are_the_last_ones_oldest_first(count: int) -> None:
    found = told(population(3), *range(count, 0, -1))
    assert [member.number for member in found.members] == list(range(count))[-3:]
    assert found.completed == count
    assert found.is_full is (count >= 3)


def test_of_equals_the_newest_is_the_best() -> None:
    assert told(population(4), 2.0, 1.0, 2.0, 0.0).best.number == 2


def test_the_best_of_a_loss_is_the_smallest() -> None:
    assert told(population(4, Direction.MINIMIZE), 2.0, 1.0, 3.0).best == Member(
        1, Architecture({"width": 1, "rate": 0.5, "inputs": ("a", "b")}), -1.0
    )


@pytest.mark.parametrize("count", [0, 2, 3, 5])
def test_a_population_that_comes_back_is_the_same_and_goes_on_the_same(count: int) -> None:
    first, second = told(population(3), *range(count)), population(3)
    second.restore(first.snapshot())
    assert second.members == first.members
    for each in (first, second):
        told(each, 9.0, 8.0, first=count)
    assert second.members == first.members
    assert second.completed == first.completed == count + 2
    assert second.snapshot() == first.snapshot()
