"""What an experiment file says of a one-shot search, and the line of what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from nascore.cli.experimentfile import experiment_file_schema, read_experiment_file
from nascore.cli.failure import InputFileError
from nascore.cli.oneshot import one_shot_of
from nascore.cli.request import RunRequest
from nascore.errors import SettingsError
from nascore.record import Mode, OneShot, Schedule, Trust
from ruamel.yaml import YAML

FULL = """\
trialFile: trial.py
tuner: darts
mode: one-shot
search: {warmupEpochs: 3, epochs: 20}
derive: {count: 2}
retrain: {epochs: 30}
supernets: 4
shareWeights: async
syncEvery: 8
trust: {random: 5, sampled: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trial.py").write_text("")
    return tmp_path


def read(folder: Path, text: str) -> RunRequest:
    path = folder / "experiment.yaml"
    path.write_text(text)
    return read_experiment_file(path)


def test_all_of_it_is_read(folder: Path) -> None:
    request = read(folder, FULL)
    assert request.mode is Mode.ONE_SHOT
    assert one_shot_of(request.one_shot, parallel=3) == OneShot(
        Schedule(20, warmup_epochs=3),
        derive=2,
        retrain_epochs=30,
        supernets=4,
        workers=3,
        sync_every=8,
        trust=Trust(max_random=5, sampled=0),
    )
    jsonschema.validate(YAML(typ="safe").load(FULL), experiment_file_schema())


def test_no_epoch_of_retraining_is_none_at_all(folder: Path) -> None:
    request = read(folder, "trialFile: trial.py\ntuner: darts\nretrain: {epochs: 0}\n")
    plan = one_shot_of(request.one_shot, parallel=1)
    assert plan is not None
    assert plan.retrain_epochs == 0
    assert one_shot_of({"derive": 2}, parallel=1).retrain_epochs is None  # type: ignore[union-attr]


def test_what_is_not_said_has_its_default(folder: Path) -> None:
    request = read(folder, "trialFile: trial.py\ntuner: darts\n")
    assert one_shot_of(request.one_shot, parallel=2) is None
    request = read(folder, "trialFile: trial.py\ntuner: darts\nsearch: {epochs: 5}\n")
    assert one_shot_of(request.one_shot, parallel=2) == OneShot(Schedule(5, warmup_epochs=5))


def test_baselines_can_be_switched_off(folder: Path) -> None:
    assert one_shot_of(read(folder, "trialFile: trial.py\ntrust: false\n").one_shot, parallel=1) == OneShot(trust=None)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("mode: oneshot", "neither `multi-trial` nor `one-shot`"),
        ("search: 5", "wanted a group of keys"),
        ("search: {epoch: 5}", "Unknown key `epoch` in search"),
        ("search: {epochs: 0}", "search.epochs: 0 is not above 0"),
        ("search: {warmupEpochs: -1}", "-1 is below 0"),
        ("search: {warmupEpochs: 1, warmup_epochs: 1}", "says again"),
        ("derive: {count: two}", "wanted a whole number"),
        ("retrain: {epochs: 1.5}", "wanted a whole number"),
        ("shareWeights: sync", "no way of sharing here"),
        ("trust: {random: true}", "wanted a whole number"),
        ("trust: 3", "wanted a group of keys"),
        ("supernets: 0", "not above 0"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(folder: Path, line: str, sentence: str) -> None:
    with pytest.raises(InputFileError, match=sentence) as failure:
        read(folder, f"trialFile: trial.py\n{line}\n")
    assert failure.value.where.endswith("experiment.yaml:2")


def test_options_go_before_the_file_one_by_one(folder: Path) -> None:
    said = RunRequest(one_shot={"epochs": 2, "trust": False})
    request = read(folder, FULL).overridden_by(said)
    found = one_shot_of(request.one_shot, parallel=1)
    assert found is not None
    assert (found.schedule, found.trust, found.derive) == (Schedule(2, warmup_epochs=3), None, 2)


def test_synchronising_without_sharing_is_refused() -> None:
    with pytest.raises(SettingsError, match="nothing is shared"):
        one_shot_of({"sync_every": 4}, parallel=2)
