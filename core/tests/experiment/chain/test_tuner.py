"""The chain, asked and told like any tuner: what comes when, for how long, and the same again in a replay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nascore.experiment.chain import Chain
from nascore.record import (
    Asked,
    Budget,
    Derived,
    JsonValue,
    Objective,
    OneShot,
    Outcome,
    OutcomeStatus,
    Proposal,
    Role,
    Scored,
    Task,
    Told,
    Trust,
    proposal_seed,
)
from nascore.record.jsonform import one_shot_to_json
from nascore.record.trial import IS_RESULT, proposes_result
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.testing.supernets import COSTS, SPACE, accuracy
from nascore.tuner import AskStatus, Setup
from nascore.tuner.conductor import Conductor

SETUP = Setup(SPACE, (Objective("accuracy"),), seed=3)
EVERY = list(SPACE.enumerate())
DERIVED = (Derived(Architecture({"a": "good", "b": "good"})), Derived(Architecture({"a": "good", "b": "large"})))


def conductor(plan: OneShot, setup: Setup = SETUP) -> Conductor:
    settings: dict[str, JsonValue] = one_shot_to_json(plan)
    return Conductor(Chain, setup, settings=settings, may_search=True)


def searched(seconds: float = 20.0) -> Outcome:
    scored = tuple(Scored(each, {"accuracy": accuracy(each)}) for each in EVERY[:2])
    done = OutcomeStatus.COMPLETED
    return Outcome(done, {}, derived=DERIVED, scored=scored, costs=COSTS, duration_s=seconds)


def trained(proposal: Proposal, seconds: float = 5.0) -> Outcome:
    assert proposal.architecture is not None
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": accuracy(proposal.architecture)}, duration_s=seconds)


def answer_all(proposal: Proposal) -> Outcome:
    return searched() if proposal.task is Task.SEARCH else trained(proposal)


def run(
    plan: OneShot, answer: Callable[[Proposal], Outcome] = answer_all, setup: Setup = SETUP
) -> tuple[list[Proposal], list[Asked | Told]]:
    """One worker, to the end; returns the proposals and the log."""
    chain, log, done = conductor(plan, setup), [], []
    told: list[Told] = []
    while True:
        seed = proposal_seed(3, len(done))
        found = chain.ask(len(done), [seed], outcomes=told, told_through=len(done))
        if found.status is AskStatus.EXHAUSTED:
            return done, log
        assert found.status is AskStatus.OK, "one worker never waits"
        proposal = found.proposals[0]
        done.append(proposal)
        told = [Told(len(done), proposal, answer(proposal))]
        log += [Asked(proposal, seed), *told]


def roles(proposals: list[Proposal]) -> list[str]:
    return [str(proposal.notes["role"]) for proposal in proposals]


def test_search_comes_first_then_the_derived_then_the_baselines() -> None:
    proposals, _ = run(OneShot(derive=2, retrain_epochs=7, trust=Trust(max_random=4, sampled=2)))
    assert roles(proposals) == [
        "search",
        "retrain",
        "retrain",
        "largest",
        "skip",
        "sampled",
        "random",
        "random",
        "random",
    ]
    assert proposals[0].architecture is None
    assert [proposal.budget for proposal in proposals[1:]] == [Budget("epochs", 7)] * 8
    assert dict(proposals[3].architecture or {}) == {"a": "large", "b": "large"}
    assert dict(proposals[4].architecture or {}) == {"a": "skip", "b": "skip"}
    # One of the two scored networks is all-skip already, and is trained once.
    assert proposals[4].notes["also"] == ["sampled"]


def test_random_networks_end_with_the_device_seconds_of_the_search() -> None:
    proposals, _ = run(OneShot(trust=Trust(max_random=100, sampled=0)))
    # 20 s of search and 5 s of retraining are worth five networks of 5 s.
    assert roles(proposals).count("random") == 5


def test_random_networks_end_where_the_space_does() -> None:
    space = SearchSpace((OneOf("a", (Candidate("x"), Candidate("y"))),))
    derived = (Derived(Architecture({"a": "x"})),)

    def answer(proposal: Proposal) -> Outcome:
        if proposal.task is Task.SEARCH:
            return Outcome(OutcomeStatus.COMPLETED, derived=derived, duration_s=100)
        return Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}, duration_s=1)

    proposals, _ = run(OneShot(), answer, Setup(space, (Objective("accuracy"),), seed=1))
    assert roles(proposals) == ["search", "retrain", "largest"]


def test_without_trust_there_are_no_baselines() -> None:
    assert roles(run(OneShot(trust=None))[0]) == ["search", "retrain"]


def test_without_retraining_the_searches_are_the_results() -> None:
    proposals, _ = run(OneShot(retrain_epochs=0))
    assert roles(proposals) == ["search"]
    assert proposals[0].notes[IS_RESULT] is True
    assert "score" not in proposals[0].notes
    assert not proposes_result(run(OneShot())[0][0])


def test_search_that_derived_nothing_ends_the_chain() -> None:
    failed = Outcome(OutcomeStatus.FAILED)
    assert roles(run(OneShot(), lambda _: failed)[0]) == ["search"]


def test_several_supernets_and_workers_have_a_trial_each() -> None:
    chain = conductor(OneShot(supernets=2, workers=2))
    found = chain.ask(0, range(6))
    assert found.status is AskStatus.WAIT
    places = [(each.notes["supernet"], each.notes["member"], each.notes["members"]) for each in found.proposals]
    assert places == [(0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2)]
    assert found.proposals[0].notes["sync_every"] == 16


def test_random_networks_wait_for_the_retraining_and_for_each_other() -> None:
    chain = conductor(OneShot(trust=Trust(max_random=9, sampled=0)))
    search = chain.ask(0, [0]).proposals[0]
    found = chain.ask(1, range(9), outcomes=[Told(1, search, searched())], told_through=1)
    assert roles(list(found.proposals)) == [Role.RETRAIN, Role.LARGEST, Role.SKIP]
    assert found.status is AskStatus.WAIT
    retrained = [Told(2, found.proposals[0], trained(found.proposals[0]))]
    more = chain.ask(4, range(9), outcomes=retrained, told_through=2)
    assert roles(list(more.proposals)) == ["random"] * 5
    assert more.status is AskStatus.WAIT


@pytest.mark.parametrize("cut", range(0, 16, 3))
def test_replay_proposes_the_same(cut: int) -> None:
    plan = OneShot(trust=Trust(max_random=4, sampled=2))
    proposals, log = run(plan)
    chain = conductor(plan)
    assert chain.replay(log[:cut]) == ()
    told_through = sum(isinstance(event, Told) for event in log[:cut])
    asked = sum(isinstance(event, Asked) for event in log[:cut])
    rest = [event for event in log[cut:] if isinstance(event, Told)][:1]
    if asked == told_through and asked < len(proposals):
        again = chain.ask(asked, [proposal_seed(3, asked)], told_through=told_through)
        assert again.proposals == (proposals[asked],)
    else:
        assert rest


def test_outcomes_of_trials_that_others_put_in_count_for_nothing() -> None:
    chain = conductor(OneShot(trust=None))
    chain.ask(0, [0])
    other = Proposal(1, EVERY[0])
    assert chain.ask(2, [0], outcomes=[Told(1, other, trained(other, 1e6))], told_through=1).status is AskStatus.WAIT
