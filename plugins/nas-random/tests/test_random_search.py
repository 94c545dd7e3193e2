"""Random search draws with the promised frequencies, and without repetition exactly everything once."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from nas_random import RandomSearch, RandomSettings
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import (
    Architecture,
    Candidate,
    Constraint,
    DecisionValue,
    Integer,
    LiteralValue,
    OneOf,
    Operation,
    Operator,
    Real,
    SearchSpace,
)
from nascore.testing.spaces import KNOWN_SPACES, choice, search_spaces
from nascore.tuner import NoProposal, Setup, validate

COUNTABLE = sorted(set(KNOWN_SPACES) - {"numeric"})
FAILED = Outcome(OutcomeStatus.FAILED)


def tuner(space: SearchSpace, **values: str | bool) -> RandomSearch:
    return RandomSearch(Setup(space, (Objective("accuracy"),), 7), validate(RandomSettings, dict(values)))


def drawn(search: RandomSearch, count: int, first: int = 0) -> list[Architecture]:
    found = []
    for number in range(first, first + count):
        proposal = search.ask(number, proposal_seed(7, number))
        assert isinstance(proposal, Proposal)
        assert proposal.number == number
        assert proposal.architecture is not None
        search.space.check(proposal.architecture)
        found.append(proposal.architecture)
    return found


def chi_square(counts: Counter[object], expected: dict[object, float]) -> float:
    assert set(counts) <= set(expected)
    return sum((counts[key] - wanted) ** 2 / wanted for key, wanted in expected.items())


def test_every_candidate_is_equally_likely() -> None:
    found = drawn(tuner(KNOWN_SPACES["flat28"]), 4000)
    for path in found[0]:
        counts = Counter[object](architecture[path] for architecture in found)
        # 99.99 % quantile of chi-square with 4 degrees of freedom; the seed is fixed.
        assert chi_square(counts, dict.fromkeys(("conv3", "conv5", "dw3", "pool", "skip"), 800.0)) < 23.5


LOPSIDED = SearchSpace((choice("op", "deep", "flat", children=(Integer("width", 1, 9),)),))


def test_uniform_over_decisions_takes_each_by_itself() -> None:
    counts = Counter[object](architecture["op"] for architecture in drawn(tuner(LOPSIDED), 4000))
    assert chi_square(counts, {"deep": 2000.0, "flat": 2000.0}) < 15.1


def test_uniform_over_architectures_gives_each_the_same_chance() -> None:
    found = drawn(tuner(LOPSIDED, uniform="architectures"), 4000)
    counts = Counter[object](found)
    # 99.99 % quantile with 9 degrees of freedom.
    assert chi_square(counts, dict.fromkeys(LOPSIDED.enumerate(), 400.0)) < 33.7


@pytest.mark.parametrize("space", sorted(KNOWN_SPACES))
def test_proposal_depends_on_its_seed_alone(space: str) -> None:
    whole = drawn(tuner(KNOWN_SPACES[space]), 20)
    assert drawn(tuner(KNOWN_SPACES[space]), 5, first=15) == whole[15:]


@pytest.mark.parametrize("space", sorted(set(COUNTABLE) - {"flat28", "nasbench201"}))
@pytest.mark.parametrize("uniform", ["decisions", "architectures"])
def test_without_repetition_visits_each_architecture_once_and_ends(space: str, uniform: str) -> None:
    search = tuner(KNOWN_SPACES[space], without_repetition=True, uniform=uniform)
    everything = set(KNOWN_SPACES[space].enumerate())
    found = drawn(search, len(everything))
    assert len(set(found)) == len(found)
    assert set(found) == everything
    for number in (len(found), len(found) + 1):
        assert search.ask(number, proposal_seed(7, number)) is NoProposal.EXHAUSTED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=search_spaces())
def test_without_repetition_ends_exactly_in_any_space(space: SearchSpace) -> None:
    count = space.size().high
    if not 0 < count <= 300:
        return
    search = tuner(space, without_repetition=True)
    assert set(drawn(search, int(count))) == set(space.enumerate())
    assert search.ask(int(count), 1) is NoProposal.EXHAUSTED


def test_last_ones_are_drawn_evenly_whatever_is_left() -> None:
    space = SearchSpace((Integer("n", 0, 999),))
    left = {3, 4, 500, 999}
    counts: Counter[object] = Counter()
    search = tuner(space, without_repetition=True)
    for number in range(1000):
        if number not in left:
            search.tell(Proposal(number, Architecture({"n": number})), FAILED)
    for seed in range(400):
        found = search._unseen.draw(Random(seed), search._draw)  # type: ignore[union-attr]
        assert found is not None
        counts[found["n"]] += 1
    # 99.99 % quantile with 3 degrees of freedom.
    assert chi_square(counts, dict.fromkeys(left, 100.0)) < 21.2


def test_what_others_tried_counts_as_seen_whatever_came_of_it() -> None:
    space = KNOWN_SPACES["shared"]
    everything = list(space.enumerate())
    search = tuner(space, without_repetition=True)
    for number, architecture in enumerate(everything[:-2]):
        search.tell(Proposal(1000 + number, architecture), FAILED)
        search.tell(Proposal(1000 + number, architecture), FAILED)
    assert set(drawn(search, 2)) == set(everything[-2:])
    assert search.ask(2, 1) is NoProposal.EXHAUSTED


def test_rare_branch_of_a_huge_space_does_not_stall() -> None:
    # Half of all draws hit "flat", which is one architecture; the other has 10^12.
    space = SearchSpace((choice("op", "deep", "flat", children=(Integer("width", 1, 10**12),)),))
    assert len(set(drawn(tuner(space, without_repetition=True), 300))) == 300


def test_space_with_real_numbers_never_repeats() -> None:
    space = SearchSpace((OneOf("op", (Candidate("real", children=(Real("rate", 0.0, 1.0),)), Candidate("flat"))),))
    found = drawn(tuner(space, without_repetition=True), 200)
    assert len(set(found)) == 200


def test_one_architecture_is_proposed_for_ever_or_once() -> None:
    space = SearchSpace((choice("op", "only"),))
    assert len(drawn(tuner(space), 5)) == 5
    once = tuner(space, without_repetition=True)
    drawn(once, 1)
    assert once.ask(1, 1) is NoProposal.EXHAUSTED


def test_refusals_name_the_reason() -> None:
    def reason(space: SearchSpace, **values: str) -> str:
        return RandomSearch.cannot_tune(Setup(space, (), 7), validate(RandomSettings, dict(values)))

    assert "real numbers" in reason(KNOWN_SPACES["numeric"], uniform="architectures")
    assert reason(KNOWN_SPACES["numeric"]) == ""
    never = Constraint("never", Operation(Operator.EQUAL, (DecisionValue("n"), LiteralValue(9))))
    assert "constraints exclude each other" in reason(SearchSpace((Integer("n", 0, 3),), (never,)))
