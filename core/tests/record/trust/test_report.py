"""The trust report of made-up trials: what is compared, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

from nascore.record import (
    TEST_PREFIX,
    Direction,
    EndReason,
    ExperimentRecord,
    ExperimentSpec,
    Mode,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Task,
    TrialRecord,
    TrialState,
)
from nascore.record.trust import note_of, trust_report, trust_to_json, warnings_of
from nascore.space import Architecture, Candidate, OneOf, SearchSpace

RECORD = ExperimentRecord("x", ExperimentSpec("darts", mode=Mode.ONE_SHOT), end_reason=EndReason.EXHAUSTED)


def trial(number: int, role: str, value: float | None, seconds: float = 10.0, **notes: object) -> TrialRecord:
    is_search = role == "search"
    proposal = Proposal(
        number,
        None if is_search else Architecture({"op": f"key{number}"}),
        task=Task.SEARCH if is_search else Task.EVALUATE,
        notes={"role": role, **notes},  # type: ignore[dict-item]
    )
    status = OutcomeStatus.FAILED if value is None else OutcomeStatus.COMPLETED
    metrics = {} if value is None else {"accuracy": value}
    outcome = Outcome(status, metrics, duration_s=seconds)
    return TrialRecord(number, TrialState.SUCCEEDED, proposal, outcome=outcome)


def also_tested(record: TrialRecord, value: float) -> TrialRecord:
    """Return the trial with a value on the test split as well."""
    assert record.outcome is not None
    metrics = {**record.outcome.metrics, f"{TEST_PREFIX}accuracy": value}
    return replace(record, outcome=replace(record.outcome, metrics=metrics))


GOOD = (
    trial(0, "search", 0.5, 30.0),
    trial(1, "retrain", 0.9),
    trial(2, "largest", 0.8),
    trial(3, "skip", 0.3),
    trial(4, "random", 0.7, 20.0),
    trial(5, "random", 0.75, 20.0),
)


def test_search_that_beats_all_has_no_warning() -> None:
    report = trust_report(RECORD, GOOD)
    assert report.derived is not None
    assert (report.derived.trial, report.derived.value) == (1, 0.9)
    assert report.random is not None
    assert (report.random.trial, report.random.count, report.random.device_seconds) == (5, 2, 40.0)
    assert report.device_seconds == 40.0
    assert warnings_of(report) == ()


def test_search_that_lost_says_to_whom() -> None:
    said = warnings_of(trust_report(RECORD, (*GOOD[:2], trial(2, "largest", 0.95), *GOOD[3:])))
    assert said == ("The derived network (accuracy 0.9) is worse than the largest network (0.95).",)
    said = warnings_of(trust_report(RECORD, (*GOOD[:5], trial(5, "random", 0.9, 20.0))))
    assert said == ("The derived network (accuracy 0.9) only equals the best of 2 random networks (0.9).",)


def test_smaller_is_better_where_the_objective_says_so() -> None:
    spec = replace(RECORD.spec, objectives=(Objective("accuracy", Direction.MINIMIZE),))
    report = trust_report(replace(RECORD, spec=spec), GOOD)
    assert report.random is not None
    assert report.random.trial == 4
    assert len(warnings_of(report)) == 3


def test_derived_network_that_is_the_cheapest_is_a_collapse() -> None:
    trials = (GOOD[0], trial(1, "retrain", 0.3, also=["skip"]), GOOD[2], *GOOD[4:])
    said = warnings_of(trust_report(RECORD, trials))
    assert "The derived network skips everything: the search has collapsed." in said
    assert not any("than all-skip" in each for each in said)


def test_too_few_random_networks_are_no_fair_match() -> None:
    said = warnings_of(trust_report(RECORD, GOOD[:5]))
    assert any("had 20 device-seconds, the search 40" in each for each in said)


def test_supernet_that_ranks_at_random_is_named() -> None:
    sampled = [
        trial(6 + place, "sampled", value, supernet_metrics={"loss": loss})
        for place, (value, loss) in enumerate([(0.1, 1.0), (0.2, 2.0), (0.3, 3.0), (0.4, 4.0), (0.5, 5.0)])
    ]
    report = trust_report(RECORD, (*GOOD, *sampled))
    assert report.tau == -1.0
    assert any("Kendall's tau -1.00 over 5" in each for each in warnings_of(report))
    assert trust_to_json(report)["kendall_tau"] == -1.0


def test_failed_and_unfinished_searches_are_told_apart() -> None:
    failed = trust_report(RECORD, (GOOD[0], trial(1, "retrain", None)))
    assert failed.derived is None
    assert failed.failed == 1
    assert warnings_of(failed) == ("No derived network was trained, so there is nothing to trust.",)
    early = trust_report(replace(RECORD, end_reason=None), GOOD[:1])
    assert warnings_of(early)[0].startswith("The experiment has not ended")


def test_without_baselines_nobody_knows() -> None:
    said = warnings_of(trust_report(RECORD, GOOD[:2]))
    assert said == ("There are no baselines, so nobody knows whether the search was worth its time.",)


def test_the_best_is_chosen_by_validation_and_reported_by_the_test_split() -> None:
    trials = (
        GOOD[0],
        also_tested(trial(1, "retrain", 0.9), 0.8),
        also_tested(trial(2, "retrain", 0.85), 0.88),  # Better on the test split, by which nothing may be chosen.
        also_tested(trial(3, "largest", 0.8), 0.7),
        also_tested(trial(4, "random", 0.7, 20.0), 0.79),
        also_tested(trial(5, "random", 0.75, 20.0), 0.6),
    )
    report = trust_report(RECORD, trials)
    assert report.metric == "test accuracy"
    assert report.derived is not None
    assert (report.derived.trial, report.derived.value, report.derived.chosen_by) == (1, 0.8, 0.9)
    assert report.random is not None
    assert (report.random.trial, report.random.value, report.random.chosen_by) == (5, 0.6, 0.75)
    assert note_of(report) == ""
    document = trust_to_json(report)
    assert (document["metric"], document["chosen_by"]) == ("test accuracy", "accuracy")
    assert document["random"] == {
        "trial": 5,
        "value": 0.6,
        "chosen_by_value": 0.75,
        "device_seconds": 40.0,
        "networks": 2,
    }


def test_search_that_lost_on_the_test_split_says_so_there() -> None:
    values = (0.5, 0.7, 0.75, 0.3, 0.6, 0.65)
    trials = (GOOD[0], *(also_tested(one, value) for one, value in zip(GOOD[1:], values[1:], strict=True)))
    said = warnings_of(trust_report(RECORD, trials))
    assert said == ("The derived network (test accuracy 0.7) is worse than the largest network (0.75).",)


def test_values_are_of_one_kind_where_some_network_has_no_test_value() -> None:
    trials = (GOOD[0], also_tested(GOOD[1], 0.99), *GOOD[2:])
    report = trust_report(RECORD, trials)
    assert report.derived is not None
    assert (report.metric, report.derived.value) == ("accuracy", 0.9)
    assert "not all of them were judged on a test split" in note_of(report)


def test_tau_ranks_by_what_is_reported() -> None:
    sampled = [
        also_tested(
            trial(6 + place, "sampled", 0.1 * place, supernet_metrics={"accuracy": 0.1 * place}), 1 - 0.1 * place
        )
        for place in range(5)
    ]
    assert trust_report(RECORD, sampled).tau == -1.0


def test_no_more_random_networks_are_asked_for_where_there_are_none() -> None:
    few = (trial(0, "search", 0.5, 3000.0), *GOOD[1:])
    assert any("more of them might" in said for said in warnings_of(trust_report(RECORD, few)))
    space = SearchSpace((OneOf("op", tuple(Candidate(f"key{number}") for number in range(1, 6))),))
    exhausted = replace(RECORD, spec=replace(RECORD.spec, space=space))
    said = warnings_of(trust_report(exhausted, few))
    assert said == ("Every network of the space was trained by itself: it is too small for a search to pay.",)
    assert not trust_report(exhausted, few[:-1]).is_exhaustive
