from pathlib import Path

import pytest
from nascore.cli.request import RunRequest, parse_gpus, parse_objective
from nascore.errors import SettingsError
from nascore.record import Direction, Objective


def test_options_go_before_the_file_and_settings_are_joined():
    in_file = RunRequest(tuner="toy", settings={"a": 1, "b": 2}, trials=5, name="from file")
    said = RunRequest(settings={"b": 3}, trials=9)
    joined = in_file.overridden_by(said)
    assert joined == RunRequest(tuner="toy", settings={"a": 1, "b": 3}, trials=9, name="from file")


def test_settings_of_another_tuner_are_dropped():
    in_file = RunRequest(tuner="toy", settings={"a": 1})
    assert in_file.overridden_by(RunRequest(tuner="random")).settings == {}


def test_a_trial_file_replaces_the_command_of_the_file():
    said = RunRequest(trial_command=("x",)).overridden_by(RunRequest(trial_file=Path("t.py")))
    assert said.trial_command is None


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("accuracy", Objective("accuracy")),
        ("accuracy:max", Objective("accuracy")),
        ("latency_ms:min", Objective("latency_ms", Direction.MINIMIZE)),
        ("a:b:minimize", Objective("a:b", Direction.MINIMIZE)),
    ],
)
def test_objectives_are_read(text, objective):
    assert parse_objective(text) == objective


@pytest.mark.parametrize("text", ["accuracy:up", "", ":max"])
def test_what_is_no_objective_is_refused(text):
    with pytest.raises(SettingsError):
        parse_objective(text)


def test_gpus_are_read():
    assert parse_gpus("0, 2") == ("0", "2")
    assert parse_gpus("none") == ()
    with pytest.raises(SettingsError, match="Write their indices"):
        parse_gpus("0,0")
