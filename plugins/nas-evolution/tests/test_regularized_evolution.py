"""Regularised evolution is the published algorithm: ageing, tournament, one mutation; and it finds what is planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from nas_evolution import EvolutionSettings, RegularizedEvolution
from nas_evolution.regularized_evolution import INHERITANCE
from nascore.errors import SettingsError
from nascore.record import Direction, JsonValue, Objective, Outcome, OutcomeStatus, Proposal, WarmStart, proposal_seed
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
    SearchSpace,
)
from nascore.testing.spaces import KNOWN_SPACES, choice
from nascore.tuner import Setup, validate
from nascore.tuner.suitability import why_unsuitable
from nascore.weights.rules import Grow, rules_from_json

FLAT = KNOWN_SPACES["flat28"]
ACCURACY = Objective("accuracy")


def tuner(space: SearchSpace = FLAT, objective: Objective = ACCURACY, **values: JsonValue) -> RegularizedEvolution:
    settings = validate(EvolutionSettings, values or {"population_size": 10, "sample_size": 3})
    return RegularizedEvolution(Setup(space, (objective,), 7), settings)


def completed(score: float, metric: str = "accuracy") -> Outcome:
    return Outcome(OutcomeStatus.COMPLETED, {metric: score})


def ask(search: RegularizedEvolution, number: int) -> Proposal:
    proposal = search.ask(number, proposal_seed(7, number))
    assert proposal.architecture is not None
    search.space.check(proposal.architecture)
    return proposal


def filled(search: RegularizedEvolution, count: int = 10) -> list[Proposal]:
    """Tell as many completed outcomes; trial n scores n modulo 7."""
    proposals = [ask(search, number) for number in range(count)]
    for proposal in proposals:
        search.tell(proposal, completed(proposal.number % 7))
    return proposals


def test_published_settings_are_the_defaults() -> None:
    assert EvolutionSettings() == EvolutionSettings(population_size=100, sample_size=25)


def test_sample_must_fit_the_population() -> None:
    with pytest.raises(SettingsError, match=r"(?<!error, )sample_size 30 is above population_size 20"):
        validate(EvolutionSettings, {"population_size": 20, "sample_size": 30})


def test_population_is_the_last_completed_ones() -> None:
    search = tuner()
    told: list[int] = []
    for number in range(47):
        proposal = ask(search, number)
        # Good scores come first: a population that keeps the best would keep the first.
        search.tell(proposal, completed(-number))
        told.append(number)
        assert [member.number for member in search.population] == told[-10:]
        assert [member.score for member in search.population] == [-trial for trial in told[-10:]]


@pytest.mark.parametrize("status", sorted(set(OutcomeStatus) - {OutcomeStatus.COMPLETED}))
def test_what_did_not_complete_never_enters(status: OutcomeStatus) -> None:
    search = tuner()
    before = (filled(search), search.population)[1]
    metrics = {"accuracy": 99.0} if status is OutcomeStatus.PRUNED else {}
    search.tell(ask(search, 10), Outcome(status, metrics))
    assert search.population == before


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_never_enters(score: float) -> None:
    search = tuner()
    before = (filled(search), search.population)[1]
    search.tell(ask(search, 10), completed(score))
    assert search.population == before


def test_architecture_that_others_proposed_enters() -> None:
    search = tuner()
    search.tell(Proposal(1000, FLAT.default()), completed(0.5))
    assert [member.number for member in search.population] == [1000]


def test_first_proposals_are_random_until_enough_completed() -> None:
    search = tuner()
    proposals = [ask(search, number) for number in range(15)]
    assert all(not proposal.notes for proposal in proposals)
    for proposal in proposals[:9]:
        search.tell(proposal, completed(1.0))
    assert not ask(search, 15).notes
    search.tell(proposals[9], completed(1.0))
    assert ask(search, 15).notes["parent"] in range(10)


def test_children_inherit_only_when_asked_to_and_nothing_else_changes() -> None:
    searches = [tuner(population_size=10, sample_size=3, inherit_weights=inherits) for inherits in (False, True)]
    for search in searches:
        assert all(proposal.warm_start is None for proposal in filled(search))
    plain, inheriting = ([ask(search, number) for number in range(10, 40)] for search in searches)
    assert all(proposal.warm_start is None for proposal in plain)
    for proposal in inheriting:
        assert proposal.warm_start == WarmStart(parent=int(str(proposal.notes["parent"])), rules_json=INHERITANCE)
    assert [replace(proposal, warm_start=None) for proposal in inheriting] == plain


def test_the_rules_of_inheritance_are_rules() -> None:
    rules = rules_from_json(INHERITANCE)
    assert rules.growths_of("stem.weight") == (Grow.REPEAT, Grow.IDENTITY, Grow.OVERLAP)
    assert rules.store.cuts


def changed(parent: Architecture, child: Architecture) -> list[str]:
    """Paths of decisions that were changed, leaving out what became active or inactive with a change."""
    return [path for path in parent if path in child and parent[path] != child[path]]


@pytest.mark.parametrize("space", sorted(KNOWN_SPACES))
def test_child_differs_in_exactly_one_decision(space: str) -> None:
    search = tuner(KNOWN_SPACES[space])
    parents = {proposal.number: proposal for proposal in filled(search)}
    seen: set[str] = set()
    for number in range(10, 210):
        child = ask(search, number)
        parent = parents[int(str(child.notes["parent"]))]
        assert parent.architecture is not None
        assert child.architecture is not None
        paths = changed(parent.architecture, child.architecture)
        assert len(paths) == 1
        seen.update(paths)
        # Whatever else differs came or went with the one change.
        others = set(parent.architecture.items()) ^ set(child.architecture.items())
        assert all(path in paths or (path in parent.architecture) != (path in child.architecture) for path, _ in others)
    assert len(seen) > 1


def test_winner_of_the_tournament_has_the_exact_probability() -> None:
    size, sample = 10, 3
    search = tuner(population_size=size, sample_size=sample)
    ranks = Random(3).sample(range(size), size)
    for number, rank in enumerate(ranks):
        search.tell(Proposal(number, FLAT.default()), completed(rank))
    draws = 20_000
    winners: Counter[int] = Counter()
    for seed in range(draws):
        parent = search.ask(99, seed).notes["parent"]
        winners[ranks[int(str(parent))]] += 1
    # Drawn with replacement: the best of S has rank r (from 0) with probability ((r + 1)^S - r^S) / P^S.
    expected = [draws * ((rank + 1) ** sample - rank**sample) / size**sample for rank in range(size)]
    statistic = sum((winners[rank] - wanted) ** 2 / wanted for rank, wanted in enumerate(expected))
    # 99.99 % quantile of chi-square with 9 degrees of freedom; the seeds are fixed.
    assert statistic < 33.7


def test_every_position_of_the_ring_takes_part() -> None:
    search = tuner(population_size=10, sample_size=1)
    for number in range(25):
        search.tell(Proposal(number, FLAT.default()), completed(1.0))
    parents = {search.ask(99, seed).notes["parent"] for seed in range(300)}
    assert parents == set(range(15, 25))


@pytest.mark.parametrize(("direction", "best"), [(Direction.MAXIMIZE, 9), (Direction.MINIMIZE, 0)])
def test_direction_of_the_objective_is_honoured(direction: Direction, best: int) -> None:
    search = tuner(FLAT, Objective("loss", direction), population_size=10, sample_size=10)
    for number in range(10):
        search.tell(Proposal(number, FLAT.default()), completed(number, "loss"))
    winners = Counter(search.ask(99, seed).notes["parent"] for seed in range(200))
    assert winners.most_common(1)[0][0] == best
    assert winners[best] > 100


def test_proposal_is_a_function_of_what_was_told_and_the_seed() -> None:
    order = Random(5).sample(range(30), 30)
    first, second = tuner(), tuner()
    proposals = [ask(first, number) for number in range(30)]
    for number in order:
        first.tell(proposals[number], completed(number % 5))
        # Questions in between leave no trace.
        ask(first, 500 + number)
    for number in order:
        second.tell(proposals[number], completed(number % 5))
    assert [ask(first, number) for number in range(30, 60)] == [ask(second, number) for number in range(30, 60)]
    assert {ask(first, number).notes["parent"] for number in range(30, 60)} <= set(order[-10:])


def test_other_seed_gives_another_search() -> None:
    search = tuner()
    filled(search)
    assert search.ask(10, 1) != search.ask(10, 2)


def test_small_space_where_all_neighbours_are_visited_goes_on() -> None:
    search = tuner(SearchSpace((choice("op", "a", "b"), choice("fixed", "only"))))
    for number in range(100):
        proposal = ask(search, number)
        assert proposal.architecture is not None
        assert proposal.architecture["fixed"] == "only"
        search.tell(proposal, completed(1.0))


def test_architecture_without_neighbours_is_replaced_by_a_fresh_one() -> None:
    # Both numbers must be equal, so no single change is allowed.
    equal = Constraint("equal", Operation(Operator.EQUAL, (DecisionValue("a"), DecisionValue("b"))))
    space = SearchSpace((Integer("a", 0, 3), Integer("b", 0, 3)), (equal,))
    search = tuner(space)
    filled(search)
    assert len({ask(search, number).architecture for number in range(10, 40)}) > 1


def refusal(space: SearchSpace, *metrics: str) -> str:
    setup = Setup(space, tuple(map(Objective, metrics)), 7)
    return why_unsuitable(RegularizedEvolution, setup, EvolutionSettings())  # type: ignore[arg-type]  # any settings


def test_refusals_name_the_reason() -> None:
    assert refusal(FLAT, "accuracy") == ""
    assert "at most 1 objective" in refusal(FLAT, "accuracy", "latency")
    assert "holds 1 architecture(s)" in refusal(SearchSpace((choice("op", "only"),)), "accuracy")
    assert "holds 1 architecture(s)" in refusal(SearchSpace(()), "accuracy")
    never = Constraint("never", Operation(Operator.EQUAL, (DecisionValue("n"), LiteralValue(9))))
    assert "holds 0 architecture(s)" in refusal(SearchSpace((Integer("n", 0, 3),), (never,)), "accuracy")


def planted(architecture: Architecture, best: Architecture) -> float:
    """Share of the planted decisions that were found; deeper ones count only where they are active."""
    return sum(architecture.get(path) == value for path, value in best.items()) / len(best)


def best_of(space: SearchSpace, *, is_evolving: bool, seed: int, budget: int = 300) -> float:
    target = space.sample(Random(1000 + seed))
    search = tuner(space, population_size=20, sample_size=5)
    best = 0.0
    for number in range(budget):
        proposal = search.ask(number, proposal_seed(seed, number))
        assert proposal.architecture is not None
        score = planted(proposal.architecture, target)
        best = max(best, score)
        if is_evolving:
            search.tell(proposal, completed(score))
    return best


@pytest.mark.parametrize("space", ["flat28", "nested"])
def test_evolution_beats_random_search_on_a_planted_path(space: str) -> None:
    # Never told an outcome, the same tuner is random search.
    budget = 300 if space == "flat28" else 60
    evolved = [best_of(KNOWN_SPACES[space], is_evolving=True, seed=seed, budget=budget) for seed in range(10)]
    drawn = [best_of(KNOWN_SPACES[space], is_evolving=False, seed=seed, budget=budget) for seed in range(10)]
    if space == "flat28":
        assert all(first > second for first, second in zip(evolved, drawn, strict=True))
    else:
        assert sum(evolved) > sum(drawn)


def test_candidate_with_a_single_option_is_never_the_one_to_mutate() -> None:
    one = OneOf("one", (Candidate("only"),))
    search = tuner(SearchSpace((one, *(choice(f"op{index}", "a", "b") for index in range(4)))))
    parents = {proposal.number: proposal for proposal in filled(search)}
    for number in range(10, 60):
        child = ask(search, number)
        parent = parents[int(str(child.notes["parent"]))]
        assert child.architecture != parent.architecture
