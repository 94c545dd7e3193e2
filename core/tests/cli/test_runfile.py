import json

import pytest
from nascore.cli.request import Isolation
from nascore.cli.runfile import RunFile, read_run_file
from nascore.errors import DataLossError, NotFoundError

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
)


def test_what_was_written_is_read(tmp_path):
    FULL.write(tmp_path)
    assert read_run_file(tmp_path) == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_what_is_missing_has_its_default(tmp_path):
    FULL.write(tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    for name in ("gpus", "address", "is_tuner_insecure", "tls_cert", "tls_key"):
        del data[name]
    (tmp_path / "run.json").write_text(json.dumps(data))
    read = read_run_file(tmp_path)
    assert (read.gpus, read.address, read.is_tuner_insecure, read.tls_cert) == (None, "", False, "")


def test_no_file_says_how_the_experiment_was_begun(tmp_path):
    with pytest.raises(NotFoundError, match="nobody knows how to start its workers"):
        read_run_file(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command": 3}', "\x00"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataLossError, match=r"run\.json is damaged"):
        read_run_file(tmp_path)
