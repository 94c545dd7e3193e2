import json

import pytest
from nascore.cli.request import Isolation
from nascore.cli.runfile import RunFile, read_run_file
from nascore.errors import DataLossError, NotFoundError
from nascore.record import TunerLimits

FULL = RunFile(
    trial_file="/x/trial.py",
    command=("python", "trial.py"),
    parallel=2,
    isolation=Isolation.NONE,
    tuner="grpc://other:1",
    python="/usr/bin/python",
    cwd="/x",
    gpus=("0", "1"),
    address="0.0.0.0:1",
    is_tuner_insecure=True,
    tls_cert="/c",
    tls_key="/k",
    tuner_limits=TunerLimits(timeout_s=5.0, memory_bytes=2**30, deaths=2),
)


def test_what_was_written_is_read(tmp_path):
    FULL.write(tmp_path)
    assert read_run_file(tmp_path) == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_what_is_missing_has_its_default(tmp_path):
    FULL.write(tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    for name in ("gpus", "address", "is_tuner_insecure", "tls_cert", "tls_key", "tuner_limits"):
        del data[name]
    (tmp_path / "run.json").write_text(json.dumps(data))
    read = read_run_file(tmp_path)
    assert (read.gpus, read.address, read.is_tuner_insecure, read.tls_cert) == (None, "", False, "")
    assert read.tuner_limits == TunerLimits()


def test_no_file_says_how_the_experiment_was_begun(tmp_path):
    with pytest.raises(NotFoundError, match="nobody knows how to start its workers"):
        read_run_file(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command": 3}', "\x00"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataLossError, match=r"run\.json is damaged"):
        read_run_file(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("command", "abc", "command: 'abc' is not a list of texts"),
        ("command", ["python", 3], r"command\[1\]: 3 is not a text"),
        ("command", ["python\0"], r"command\[0\]: .* is not a text"),
        ("gpus", "0,1", "gpus: '0,1' is not a list of texts"),
        ("parallel", "2", "parallel: '2' is not a whole number from 0 on"),
        ("parallel", True, "parallel: True is not a whole number"),
        ("parallel", -1, "parallel: -1 is not a whole number"),
        ("parallel", 1.0, r"parallel: 1\.0 is not a whole number"),
        ("isolation", "thread", "isolation: 'thread' is neither fork nor none"),
        ("isolation", ["fork"], r"isolation: \['fork'\] is neither"),
        ("is_tuner_insecure", "no", "is_tuner_insecure: 'no' is neither true nor false"),
        ("tuner", None, "tuner: None is not a text"),
        ("tuner_limits", 3, "tuner_limits: 3 is not an object with deaths, memory_bytes, timeout_s"),
        ("tuner_limits", {"time_s": 3}, "tuner_limits: .* is not an object with deaths"),
        ("tuner_limits", {"deaths": "2"}, "The tuner's deaths, '2', are not a whole number"),
        ("pararllel", 3, "'pararllel' is no name in it"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_place(tmp_path, field, value, said):
    FULL.write(tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**data, field: value}))
    with pytest.raises(DataLossError, match=rf"run\.json is damaged: {said}"):
        read_run_file(tmp_path)


@pytest.mark.parametrize("field", ["trial_file", "command", "parallel", "isolation", "tuner", "python", "cwd"])
def test_what_has_no_default_is_missed(tmp_path, field):
    FULL.write(tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    del data[field]
    (tmp_path / "run.json").write_text(json.dumps(data))
    with pytest.raises(DataLossError, match=f"{field}: missing"):
        read_run_file(tmp_path)
