"""What Katib says of a trial, and what the tuner makes of it."""

from __future__ import annotations

import pytest
from nas_katib.experiment import read_experiment
from nas_katib.trials import read_trials, suggestion
from nas_katib.v1beta1 import api_pb2
from nascore.errors import SettingsError, SpaceError
from nascore.record import Direction, FailureKind, OutcomeStatus, Proposal

ASSIGNMENTS = {"--lr": "0.01", "--momentum": "0.7", "--num-layers": "3", "--batch": "64", "--optimizer": "adam"}


@pytest.fixture
def read(katib):
    def read(message: dict):
        return read_experiment(api_pb2.Experiment.FromString(katib.messages.Experiment(**message).SerializeToString()))

    return read


def trial(condition="SUCCEEDED", assignments=ASSIGNMENTS, labels=None, times=("", ""), **metrics):
    return api_pb2.Trial(
        name="exp-1",
        spec={
            "parameter_assignments": {"assignments": [{"name": name, "value": v} for name, v in assignments.items()]},
            "labels": {"nascore-proposal": "4"} if labels is None else labels,
        },
        status={
            "condition": condition,
            "start_time": times[0],
            "completion_time": times[1],
            "observation": {"metrics": [{"name": name, "value": value} for name, value in metrics.items()]},
        },
    )


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"name": ""}, SettingsError, "experiment.name: it is empty"),
        ({"parameters": ()}, SpaceError, "neither parameters nor a nasConfig"),
        ({"nas_config": {"graph_config": {"num_layers": 2}}}, SpaceError, "both parameters and a nasConfig"),
        ({"parameters": (), "nas_config": {}}, SpaceError, "num_layers: 0"),
        ({"kind": "UNKNOWN"}, SettingsError, "objective.type: 0 is neither MINIMIZE nor MAXIMIZE"),
        ({"objective": {"type": "MAXIMIZE"}}, SettingsError, "objective: the name ''"),
        (
            {"objective": {"type": "MAXIMIZE", "objective_metric_name": "a", "goal": float("nan")}},
            SettingsError,
            "objective.goal: nan",
        ),
        ({"settings": {"seed": "-1"}}, SettingsError, "seed '-1' is not a whole number"),
        ({"settings": {"seed": "18446744073709551616"}}, SettingsError, "is not a whole number within"),
    ],
)
def test_what_is_no_experiment_is_refused_with_a_sentence(read, katib, change, error, says):
    with pytest.raises(error, match=says):
        read(katib.experiment(**change))


def test_a_setting_given_twice_is_refused(read, katib):
    message = katib.experiment()
    message["spec"]["algorithm"]["algorithm_settings"] = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
    with pytest.raises(SettingsError, match="'a' is given twice"):
        read(message)


def test_the_objective_has_its_direction_and_a_goal_that_is_not_0(read, katib):
    (least,) = read(katib.experiment(kind="MINIMIZE")).setup.objectives
    assert (least.metric, least.direction, least.bound) == ("accuracy", Direction.MINIMIZE, None)
    goal = {"type": "MAXIMIZE", "objective_metric_name": "accuracy", "goal": 0.99}
    assert read(katib.experiment(objective=goal)).setup.objectives[0].bound == 0.99


def test_the_seed_is_the_experiments_own_and_can_be_set(read, katib):
    assert read(katib.experiment("a")).setup.seed == read(katib.experiment("a")).setup.seed
    assert read(katib.experiment("a")).setup.seed != read(katib.experiment("b")).setup.seed
    set_ = read(katib.experiment(settings={"seed": "12", "population_size": "8", "nascore-chronicle": "1 >2"}))
    assert (set_.setup.seed, set_.settings, set_.chronicle) == (12, {"population_size": "8"}, "1 >2")


@pytest.mark.parametrize("condition", ["CREATED", "RUNNING", "UNKNOWN"])
def test_a_trial_at_work_has_no_outcome(read, katib, condition):
    (known,) = read_trials([trial(condition, accuracy="0.5")], read(katib.experiment()).form, objective="accuracy")
    assert known.outcome is None
    assert (known.key, known.number) == ("exp-1", 4)
    assert known.architecture is not None


@pytest.mark.parametrize(
    ("ended", "status", "metrics", "kind"),
    [
        (trial(accuracy="0.5", loss="1e-1"), OutcomeStatus.COMPLETED, {"accuracy": 0.5, "loss": 0.1}, None),
        (trial(accuracy="0.5", loss="unavailable"), OutcomeStatus.COMPLETED, {"accuracy": 0.5}, None),
        (trial(accuracy="0.5", loss="nan"), OutcomeStatus.COMPLETED, {"accuracy": 0.5}, None),
        (trial("EARLYSTOPPED", accuracy="0.2"), OutcomeStatus.PRUNED, {"accuracy": 0.2}, None),
        (trial(accuracy="nan", loss="1"), OutcomeStatus.NON_FINITE, {}, FailureKind.NON_FINITE),
        (trial(accuracy="-inf"), OutcomeStatus.NON_FINITE, {}, FailureKind.NON_FINITE),
        (trial("FAILED"), OutcomeStatus.FAILED, {}, FailureKind.EXCEPTION),
        (trial("FAILED", accuracy="0.5"), OutcomeStatus.FAILED, {}, FailureKind.EXCEPTION),
        (trial("KILLED"), OutcomeStatus.FAILED, {}, FailureKind.STOPPED),
        (trial("METRICSUNAVAILABLE"), OutcomeStatus.FAILED, {}, FailureKind.EXCEPTION),
    ],
)
def test_a_trial_that_ended_has_an_outcome(read, katib, ended, status, metrics, kind):
    (known,) = read_trials([ended], read(katib.experiment()).form, objective="accuracy")
    assert (known.outcome.status, known.outcome.metrics) == (status, metrics)
    assert (known.outcome.failure and known.outcome.failure.kind) == kind


@pytest.mark.parametrize("late", [trial(), trial(loss="1"), trial(accuracy="unavailable"), trial("EARLYSTOPPED")])
def test_a_trial_whose_metric_is_not_there_yet_has_not_ended(read, katib, late):
    assert read_trials([late], read(katib.experiment()).form, objective="accuracy")[0].outcome is None


def test_times_become_seconds_and_what_is_no_time_is_none(read, katib):
    times = [("2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"), ("soon", "2026-01-01T00:01:30Z"), ("", "later")]
    trials = [trial(times=each, accuracy="1") for each in times]
    known = read_trials(trials, read(katib.experiment()).form, objective="accuracy")
    assert [each.outcome.duration_s for each in known] == [90.0, 0.0, 0.0]
    assert [each.ended_at for each in known] == [1767225690.0, 1767225690.0, 0.0]


@pytest.mark.parametrize("label", ["", "x", "-1", "1.0", "٣", "9" * 10])
def test_a_label_that_is_no_number_is_none_of_ours(read, katib, label):
    (known,) = read_trials([trial(labels={"nascore-proposal": label})], read(katib.experiment()).form, objective="a")
    assert known.number is None


@pytest.mark.parametrize("assignments", [{}, {**ASSIGNMENTS, "--momentum": "0.75"}, {**ASSIGNMENTS, "--batch": "65"}])
def test_a_trial_that_does_not_fit_the_space_is_passed_over(read, katib, assignments, caplog):
    (known,) = read_trials([trial(assignments=assignments)], read(katib.experiment()).form, objective="accuracy")
    assert known.architecture is None
    assert "Trial exp-1 does not fit the space and is passed over" in caplog.text


def test_a_suggestion_carries_its_number_in_name_and_label(read, katib):
    form = read(katib.experiment()).form
    made = suggestion(Proposal(17, form.architecture(ASSIGNMENTS)), form, experiment="exp")
    assert made.trial_name == "exp-00000017"
    assert made.labels == {"nascore-proposal": "17"}
    assert {each.name: each.value for each in made.assignments} == ASSIGNMENTS
