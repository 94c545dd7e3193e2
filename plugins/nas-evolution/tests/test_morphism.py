"""Morphism begins small, grows the best of the last few, names their weights, and is refused where nothing grows."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from nas_evolution import Morphism, MorphismSettings
from nas_evolution.morphism import MORPHING
from nascore.errors import SettingsError
from nascore.record import JsonValue, Objective, Outcome, OutcomeStatus, Proposal, WarmStart, proposal_seed
from nascore.space import Candidate, Integer, OneOf, Repeat, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice
from nascore.tuner import Setup, validate
from nascore.tuner.suitability import why_unsuitable
from nascore.weights.rules import Grow, rules_from_json

KERNEL = OneOf("kernel", tuple(Candidate(f"k{size}", size) for size in (3, 5, 7)))
SPACE = SearchSpace((Integer("width", 4, 64, 4), Repeat("depth", (KERNEL,), 1, 4), choice("act", "relu", "gelu")))


def tuner(space: SearchSpace = SPACE, **values: JsonValue) -> Morphism:
    return Morphism(Setup(space, (Objective("accuracy"),), 7), validate(MorphismSettings, values))


def completed(score: float) -> Outcome:
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": score})


def ask(search: Morphism, number: int) -> Proposal:
    proposal = search.ask(number, proposal_seed(7, number))
    assert proposal.architecture is not None
    search.space.check(proposal.architecture)
    return proposal


@pytest.mark.parametrize("value", [False, "no"])
def test_morphism_without_weights_is_refused(value: JsonValue) -> None:
    with pytest.raises(SettingsError, match="a morphism is one of weights; take `evolution`"):
        validate(MorphismSettings, {"inherit_weights": value})


def test_spaces_where_nothing_grows_are_refused_with_the_reason() -> None:
    def refusal(space: SearchSpace, **settings: tuple[str, ...]) -> str:
        setup = Setup(space, (Objective("accuracy"),), 7)
        return why_unsuitable(Morphism, setup, MorphismSettings(**settings))  # type: ignore[arg-type]  # any settings

    assert refusal(SPACE) == ""
    assert "has no repeat, no range of positive integers" in refusal(SPACE, grows=("act",))
    assert "no choice between a skip and one of `layers`" in refusal(KNOWN_SPACES["flat28"])
    assert refusal(KNOWN_SPACES["flat28"], layers=("conv3",)) == ""
    beside = SearchSpace((choice("op", "none", "conv"),))
    assert "none between zeros and one of `branches`" in refusal(beside, layers=("conv",))
    assert refusal(beside, branches=("conv",)) == ""
    assert refusal(beside, branches=("conv",), zero_keys=("zero",)) != ""


def test_published_settings_are_the_defaults() -> None:
    assert MorphismSettings() == MorphismSettings(population_size=8, sample_size=8, morphisms=5, starts=1)


def test_the_first_network_is_the_smallest_and_has_the_defaults() -> None:
    assert dict(ask(tuner(), 0).architecture or {}) == {"act": "relu", "depth": 1, "depth[0]/kernel": "k3", "width": 4}


def test_other_starts_are_small_and_random_until_enough_have_completed() -> None:
    search = tuner(starts=3)
    for number in range(3):
        assert ask(search, 100 + number).warm_start is None
        search.tell(ask(search, number), completed(0.5))
    assert ask(search, 3).warm_start is not None
    starts = [tuner(starts=3).ask(number, number).architecture or {} for number in range(1, 40)]
    assert {start["act"] for start in starts} == {"relu", "gelu"}
    assert {(start["width"], start["depth"], start["depth[0]/kernel"]) for start in starts} == {(4, 1, "k3")}


def test_a_child_is_larger_than_its_parent_names_its_weights_and_keeps_what_does_not_grow() -> None:
    search = tuner(starts=1, morphisms=2)
    search.tell(Proposal(5, SPACE.architecture({"width": 8, "act": "gelu"}, with_defaults=True)), completed(0.5))
    sizes = Counter[int]()
    for number in range(6, 200):
        proposal = ask(search, number)
        child, grown = proposal.architecture or {}, proposal.notes["grown"]
        assert isinstance(grown, list)
        assert proposal.warm_start == WarmStart(parent=5, rules_json=MORPHING)
        assert proposal.notes["parent"] == 5
        assert child["act"] == "gelu"
        # A copy of a block is like the one before it, which may have grown as well.
        old = {"width": 8, "depth": 1, "act": "gelu"}
        changed = {path for path in child if child[path] != old.get(path, "k3")} - {
            "depth[1]/kernel",
            "depth[2]/kernel",
        }
        assert changed <= set(map(str, grown))
        assert changed or not grown
        sizes[len(grown)] += 1
    assert set(sizes) == {0, 1, 2}
    # One in population_size is the parent, which trains on.
    assert sizes[0] == sum(number % 8 == 0 for number in range(6, 200))


def test_a_network_that_cannot_grow_trains_on() -> None:
    space = SearchSpace((Integer("width", 4, 8, 4),))
    search = tuner(space)
    largest = space.architecture({"width": 8})
    search.tell(Proposal(0, largest), completed(0.5))
    proposal = ask(search, 1)
    assert proposal.architecture == largest
    assert proposal.warm_start == WarmStart(parent=0, rules_json=MORPHING)


def test_the_best_of_the_last_completed_is_the_parent() -> None:
    search = tuner(population_size=4, sample_size=64)
    for number, score in enumerate([0.9, 0.1, 0.2, 0.8, 0.3]):
        search.tell(Proposal(number, SPACE.default()), completed(score))
    search.tell(Proposal(9, SPACE.default()), Outcome(OutcomeStatus.FAILED))
    assert [member.number for member in search.population] == [1, 2, 3, 4]
    assert {ask(search, number).notes["parent"] for number in range(20, 40)} == {3}


def test_the_best_of_all_members_trains_on_whatever_the_tournaments_draw() -> None:
    search = tuner(population_size=10, sample_size=1)
    for number in range(10):
        search.tell(Proposal(number, SPACE.default()), completed(-abs(number - 4)))
    assert {ask(search, number).notes["parent"] for number in range(10, 400, 10)} == {4}
    assert {ask(search, number).notes["parent"] for number in range(11, 400, 2)} == set(range(10))


def test_the_rules_are_those_of_morphing() -> None:
    assert rules_from_json(MORPHING).growths_of("stem.weight") == (Grow.REPEAT, Grow.IDENTITY)
    assert not rules_from_json(MORPHING).store.cuts


def test_proposals_are_a_function_of_what_was_told_and_the_seed() -> None:
    first, second = tuner(starts=2), tuner(starts=2)
    proposals = [ask(first, number) for number in range(12)]
    for number in Random(5).sample(range(12), 12):
        for search in (first, second):
            search.tell(proposals[number], completed(number % 5))
        ask(first, 500 + number)
    assert [ask(first, number) for number in range(12, 40)] == [ask(second, number) for number in range(12, 40)]
    third = tuner(starts=2)
    third.restore(first.snapshot())
    assert [ask(third, number) for number in range(12, 40)] == [ask(first, number) for number in range(12, 40)]


@pytest.mark.parametrize("seed", range(5))
def test_growth_comes_to_the_planted_size_and_stays_there(seed: int) -> None:
    """It cannot shrink, so it may miss the very size by a step; without selection it grows to the end."""

    def score_of(width: object, depth: object) -> float:
        return -abs(float(str(width)) - 32) / 4 - abs(float(str(depth)) - 3)

    search = tuner(morphisms=1)
    for number in range(100):
        proposal = search.ask(number, proposal_seed(seed, number))
        sizes = proposal.architecture or {}
        search.tell(proposal, completed(score_of(sizes["width"], sizes["depth"])))
    assert max(member.score for member in search.population) >= -2
    assert score_of(64, 4) == -9
