import json

import pytest
from nascore.cli.experimentfile import experiment_file_schema, read_experiment_file
from nascore.cli.failure import InputFileError
from nascore.record import TunerLimits


@pytest.fixture
def read(tmp_path):
    def call(text):
        (tmp_path / "experiment.yaml").write_text(text)
        return read_experiment_file(tmp_path / "experiment.yaml")

    return call


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("5", "tunerLimits: wanted a group of keys, found a whole number `5`"),
        ("{time: 5s}", "Unknown key `time` in tunerLimits"),
        ("{timeout: soon}", "tunerLimits.timeout: `soon` is not a duration above zero"),
        ("{timeout: 0}", "tunerLimits.timeout: `0` is not a duration above zero"),
        ("{timeout: 3w}", "tunerLimits.timeout: The tuner's timeout, 1814400.0 s, is not above 0 and at most a week"),
        ("{timeout: true}", "tunerLimits.timeout: wanted a duration, found true or false"),
        ("{memory: 8}", "tunerLimits.memory: The tuner's memory, 8 bytes, is not a whole number from 16 MiB"),
        ("{memory: 8 apples}", "tunerLimits.memory: `8 apples` is no amount of memory"),
        ("{memory: [8GiB]}", "tunerLimits.memory: wanted an amount, found a list"),
        ("{deaths: 0}", "tunerLimits.deaths: 0 is not above 0"),
        ("{deaths: 11}", "tunerLimits.deaths: The tuner's deaths, 11, are not a whole number from 1 to 10"),
        ("{deaths: few}", "tunerLimits.deaths: wanted a whole number, found text `few`"),
    ],
)
def test_a_wrong_limit_is_named_with_its_line(read, said, fault):
    with pytest.raises(InputFileError) as refused:
        read(f"seed: 7\ntunerLimits: {said}\n")
    assert fault in refused.value.message
    assert refused.value.where.endswith(":2")


def test_limits_are_read_with_units(read):
    full = TunerLimits(timeout_s=90.0, memory_bytes=8 * 2**30, deaths=2)
    assert read("tunerLimits: {timeout: 1m30s, memory: 8GiB, deaths: 2}").tuner_limits == full
    assert read("tuner_limits: {timeout: 90, memory: 8589934592, deaths: 2}").tuner_limits == full
    assert read("tunerLimits: {deaths: 2}").tuner_limits == TunerLimits(deaths=2)
    assert read("seed: 7").tuner_limits is None


def test_the_schema_knows_them():
    properties = experiment_file_schema()["properties"]
    assert set(properties["tunerLimits"]["properties"]) == {"timeout", "memory", "deaths"}
    json.dumps(properties)
