"""Studies and trials of Vizier's, read and written."""

from __future__ import annotations

import datetime

import pytest
from nas_vizier.study import read_study
from nas_vizier.trials import read_trials, suggestion
from nascore.errors import SettingsError, SpaceError, UnsupportedError
from nascore.record import Direction, FailureKind, OutcomeStatus, Proposal
from vizier import pyvizier

MOST, LEAST = pyvizier.ObjectiveMetricGoal.MAXIMIZE, pyvizier.ObjectiveMetricGoal.MINIMIZE


def problem(*metrics: pyvizier.MetricInformation, **metadata: str) -> pyvizier.ProblemStatement:
    statement = pyvizier.ProblemStatement()
    statement.search_space.root.add_float_param("x", 0.0, 1.0)
    statement.metric_information.extend(metrics or [pyvizier.MetricInformation("accuracy", goal=MOST)])
    statement.metadata.ns("nascore").update(metadata)
    return statement


def trial(number: str | None = "4", x: float = 0.5, **metrics: float) -> pyvizier.Trial:
    made = pyvizier.Trial(id=9, parameters={"x": x})
    if number is not None:
        made.metadata.ns("nascore")["proposal"] = number
    return made.complete(pyvizier.Measurement(metrics)) if metrics else made


def known(made: pyvizier.Trial, *metrics: pyvizier.MetricInformation):
    return read_trials([made], read_study(problem(*metrics), "s"))[0]


@pytest.mark.parametrize("settings", ["", "[]", "7", "{", "[" * 100_000])
def test_settings_that_are_no_object_are_refused(settings):
    with pytest.raises(SettingsError, match="is not one JSON object"):
        read_study(problem(settings=settings), "s")


@pytest.mark.parametrize("seed", ["", "-1", "x", "1.5", "18446744073709551616"])
def test_a_seed_that_is_no_number_is_refused(seed):
    with pytest.raises(SettingsError, match="is not a whole number within"):
        read_study(problem(seed=seed), "s")


def test_a_safety_metric_is_refused_with_its_name():
    safe = pyvizier.MetricInformation("heat", goal=LEAST, safety_threshold=0.5)
    with pytest.raises(UnsupportedError, match="heat: safety metrics"):
        read_study(problem(safe), "s")


def test_an_empty_space_is_refused():
    with pytest.raises(SpaceError, match="no parameters"):
        read_study(pyvizier.ProblemStatement(), "s")


def test_objectives_keep_their_goals_and_a_nameless_one_gets_a_name():
    setup = read_study(
        problem(pyvizier.MetricInformation("a", goal=MOST), pyvizier.MetricInformation("b", goal=LEAST)), "s"
    ).setup
    assert [(each.metric, each.direction) for each in setup.objectives] == [
        ("a", Direction.MAXIMIZE),
        ("b", Direction.MINIMIZE),
    ]
    nameless = pyvizier.MetricInformation("", goal=LEAST)
    assert read_study(problem(nameless), "s").setup.objectives[0].metric == "objective"
    ended = trial().complete(pyvizier.Measurement({"": 2.0}))
    assert known(ended, nameless).outcome.metrics == {"objective": 2.0}


def test_settings_seed_and_chronicle_are_found_in_the_metadata():
    study = read_study(problem(settings='{"population_size": 7}', seed="12", chronicle="1 >2"), "s")
    assert (study.settings, study.setup.seed, study.chronicle) == ({"population_size": 7}, 12, "1 >2")
    assert read_study(problem(), "s").setup.seed == read_study(problem(), "s").setup.seed
    assert read_study(problem(), "s").setup.seed != read_study(problem(), "t").setup.seed


@pytest.mark.parametrize("number", [None, "", "x", "-1", "٣", "9" * 10])
def test_a_trial_without_our_number_is_a_stranger(number):
    read = known(trial(number))
    assert (read.key, read.number, read.outcome) == ("9", None, None)


def test_a_trial_that_does_not_fit_the_space_is_passed_over(caplog):
    assert known(trial(x=2.0)).architecture is None
    assert "Trial 9 does not fit the space" in caplog.text


def test_a_completed_trial_has_its_metrics_and_times():
    made = trial(accuracy=0.5, loss=2.0, other=float("nan"))
    made.creation_time = made.completion_time - datetime.timedelta(seconds=30)
    read = known(made)
    assert (read.outcome.status, read.outcome.metrics) == (OutcomeStatus.COMPLETED, {"accuracy": 0.5, "loss": 2.0})
    assert read.outcome.duration_s == 30
    assert read.ended_at == made.completion_time.timestamp()


@pytest.mark.parametrize(
    ("made", "status", "kind", "says"),
    [
        (
            trial().complete(pyvizier.Measurement(), infeasibility_reason="too big"),
            "infeasible",
            FailureKind.INFEASIBLE,
            "too big",
        ),
        (trial(loss=1.0), "failed", FailureKind.EXCEPTION, "It ended without accuracy."),
        (trial(accuracy=float("nan")), "non_finite", FailureKind.NON_FINITE, "accuracy was not finite."),
    ],
)
def test_a_trial_that_ended_badly_says_why(made, status, kind, says):
    outcome = known(made).outcome
    assert outcome.status == OutcomeStatus(status)
    assert (outcome.failure.kind, outcome.failure.message) == (kind, says)
    assert not outcome.metrics


def test_a_suggestion_carries_its_number():
    study = read_study(problem(), "s")
    made = suggestion(Proposal(17, study.form.architecture({"x": 0.25})), study)
    assert made.parameters.as_dict() == {"x": 0.25}
    assert made.metadata.ns("nascore")["proposal"] == "17"
