"""A space of the hub, and a space file of NNI's, wherever the command line takes a space."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nascore.cli.experimentfile import read_experiment_file
from nascore.cli.failure import InputFileError
from nascore.cli.plan import plan_of, read_space
from nascore.cli.request import RunRequest, parse_space
from nascore.cli.runfile import read_run_file
from nascore.errors import SettingsError, SpaceError

HUB = "hub:darts?width=8&layers=5"
NNI = '{"block": {"layer": {"layer_choice": ["a", "b"]}}}'


@pytest.mark.parametrize("text", ["hub:", "hub:?x=1", "hub:a b", "hub:/etc"])
def test_what_is_no_space_of_the_hub_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="no space of the hub"):
        parse_space(text)


def test_a_space_is_one_of_the_hub_or_a_file() -> None:
    assert parse_space(HUB) == HUB
    assert parse_space("space.json") == Path("space.json")


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    file = tmp_path / "trial.py"
    file.write_text("x = 1\n")
    return file


def test_an_experiment_file_names_a_space_of_the_hub_or_a_file(trial: Path) -> None:
    file = trial.with_name("experiment.yaml")
    file.write_text(f"trialFile: trial.py\nspace: {HUB}\n")
    assert read_experiment_file(file).hub == HUB
    trial.with_name("nni.json").write_text(NNI)
    file.write_text("trialFile: trial.py\nsearchSpaceFile: nni.json\n")
    assert read_experiment_file(file).space_file == trial.with_name("nni.json")
    file.write_text("trialFile: trial.py\nsearchSpaceFile: 'hub:'\n")
    with pytest.raises(InputFileError, match="no space of the hub"):
        read_experiment_file(file)


def test_what_is_typed_takes_the_place_of_what_the_file_says() -> None:
    in_file = RunRequest(space_file=Path("space.json"))
    assert in_file.overridden_by(RunRequest(hub=HUB)).space_file is None
    assert RunRequest(hub=HUB).overridden_by(in_file).hub is None
    assert RunRequest(hub=HUB).overridden_by(RunRequest(trials=1)).hub == HUB


def test_the_space_of_the_hub_is_kept_with_the_experiment(trial: Path, tmp_path: Path) -> None:
    plan = plan_of(RunRequest(trial_file=trial, hub=HUB))
    assert plan.spec.space is None
    plan.run.write(tmp_path)
    assert read_run_file(tmp_path).hub == HUB
    assert json.loads((tmp_path / "run.json").read_text())["hub"] == HUB


def test_a_space_file_of_nnis_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "nni.json"
    file.write_text(NNI)
    assert [info.path for info in read_space(file).decisions] == ["block:layer"]
    file.write_text(NNI.replace('"b"]', '"a"]'))
    with pytest.raises(SpaceError, match=r"nni\.json: .*stands twice"):
        read_space(file)
