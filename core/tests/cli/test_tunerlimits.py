import json
from dataclasses import replace

import pytest
from nascore.cli.limits import parse_bytes
from nascore.cli.request import RunRequest
from nascore.cli.runfile import read_run_file
from nascore.cli.tunerlimits import parse_memory, parse_timeout, tuner_limits_text
from nascore.errors import SettingsError
from nascore.record import TunerLimits


@pytest.mark.parametrize("text", ["", "0", "-5s", "5 apples", "nan", "inf", "8d", "1e400"])
def test_what_is_no_timeout_is_refused(text):
    with pytest.raises(SettingsError) as refused:
        parse_timeout(text)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "0", "GiB", "-1GiB", "8", "15MiB", "4 apples", "5ms", "nan", "1e400"])
def test_what_is_no_memory_for_a_tuner_is_refused(text):
    with pytest.raises(SettingsError) as refused:
        parse_memory(text)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        ("--tuner-timeout", "soon", "`soon` is not a duration above zero."),
        ("--tuner-timeout", "30d", "is not above 0 and at most a week."),
        ("--tuner-memory", "8", "is not a whole number from 16 MiB (16777216 bytes) on."),
        ("--tuner-memory", "lots", "`lots` is no amount of memory."),
        ("--tuner-deaths", "0", "are not a whole number from 1 to 10."),
        ("--tuner-deaths", "few", "`few` is no number of deaths."),
    ],
)
@pytest.mark.parametrize("verb", ["run", "serve", "resume"])
def test_a_wrong_limit_is_refused_before_anything_begins(invoke, experiment_file, verb, option, value, fault):
    target = (str(experiment_file),) if verb == "run" else ()
    refused = invoke(verb, *target, option, value)
    assert refused.exit_code == 2
    assert option in refused.stderr
    assert fault in " ".join(refused.stderr.split())
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_amounts_are_read_with_their_units():
    assert parse_timeout("1m30s") == 90.0
    assert (parse_memory("8GiB"), parse_memory("512MB"), parse_memory("16777216")) == (2**33, 512 * 10**6, 2**24)
    assert parse_bytes("0.3") == 1


def test_a_limit_on_the_command_line_leaves_the_others_of_the_file():
    in_file = RunRequest(tuner_limits=TunerLimits(timeout_s=5.0, deaths=2))
    joined = in_file.overridden_by(RunRequest(tuner_limits=TunerLimits(deaths=3)))
    assert joined.tuner_limits == TunerLimits(timeout_s=5.0, deaths=3)
    assert in_file.overridden_by(RunRequest()) == in_file


def test_limits_are_told_in_plain_words():
    assert tuner_limits_text(TunerLimits()) == ""
    assert tuner_limits_text(TunerLimits(deaths=1)) == "given up after 1 death"
    full = TunerLimits(timeout_s=90.0, memory_bytes=2**33, deaths=2)
    assert tuner_limits_text(full) == "1 min 30 s for an answer, 8,192 MiB, given up after 2 deaths"


def test_limits_are_kept_shown_and_changed_when_it_is_resumed(invoke, experiment_file, tmp_path):
    ran = invoke("run", str(experiment_file), "--tuner-timeout", "30s", "--tuner-deaths", "2", "--trials", "2", "-q")
    assert ran.exit_code == 0, ran.stderr
    (folder,) = (tmp_path / "home" / "experiments").iterdir()
    assert read_run_file(folder).tuner_limits == TunerLimits(timeout_s=30.0, deaths=2)
    assert "tuner may take  30 s for an answer, given up after 2 deaths" in invoke("show").stdout
    resumed = invoke("resume", "--trials", "3", "--tuner-timeout", "2m", "--tuner-memory", "1GiB", "-q")
    assert resumed.exit_code == 0, resumed.stderr
    assert read_run_file(folder).tuner_limits == TunerLimits(timeout_s=120.0, memory_bytes=2**30, deaths=2)


def test_a_search_of_which_nothing_is_known_here_is_shown_without_limits(invoke, experiment_file, tmp_path):
    assert invoke("run", str(experiment_file), "--trials", "1", "-q").exit_code == 0
    assert "tuner may take" not in invoke("show").stdout
    (folder,) = (tmp_path / "home" / "experiments").iterdir()
    replace(read_run_file(folder), tuner_limits=TunerLimits(deaths=1)).write(folder)
    assert "tuner may take" in invoke("show").stdout
    (folder / "run.json").write_text("{")
    assert invoke("show").exit_code == 0
