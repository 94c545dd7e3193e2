"""A program that is no good as a tuner: one clear sentence on the terminal, and a server that lives on."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nascore.errors import NascoreError
from nascore.record import EndReason, ExperimentState, LeaseStatus, Outcome, OutcomeStatus, TrialState
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.torture import Plan
from nascore.testing.torture.served import ServedSearch
from nascore.tuner import HostLimits

PROGRAM = Path(__file__).parents[1] / "testing" / "conformance" / "mutants" / "program.py"
CLIMBER = Path(__file__).parents[3] / "examples" / "tuners" / "minimal_python" / "tuner.py"
ADDRESS = f"exec:{sys.executable} {PROGRAM}"
SPACE = SearchSpace((OneOf("op", (Candidate("conv3"), Candidate("conv5"))),))
AT_ONCE = {
    "crashes on start": "'crashes on start' ended before its handshake: exit status 1.",
    "greets oddly": "printed 'hello' instead of its handshake.",
    "answers garbage": "failed in Describe: Failed to serialize response!",
    "has no schema": "answered Describe with what it may not: describe: settings_schema_json: not valid JSON",
    "speaks newer": "speaks protocols 7 to 7; this nascore speaks 1.",
}
LATER = {
    "proposes invalid": "broke its contract with proposal 2: its architecture does not fit the space: op: is missing",
    "dies": "was lost in ask of trial 3: exit status 3.",
    "hangs": "was lost in ask of trial 3: Tuner mutant: hangs 1 did not answer Ask within 8 s.",
    "swells": "MiB, above the limit of 200 MiB",
}


@pytest.fixture
def impatient(monkeypatch, fault):
    """Options for a host that bears two deaths and 200 MiB, and waits eight seconds for who never answers."""
    allowing = HostLimits.allowing

    def at_once(said):
        return replace(allowing(said), backoff_s=0.01, watch_interval_s=0.02)

    monkeypatch.setattr(HostLimits, "allowing", at_once)
    timeout = "8s" if fault == "hangs" else "60s"
    return ("--tuner-timeout", timeout, "--tuner-deaths", "2", "--tuner-memory", "200MiB")


@pytest.mark.parametrize("fault", AT_ONCE)
def test_what_is_no_tuner_is_refused_before_anything_begins(invoke, experiment_file, fault):
    ran = invoke("run", str(experiment_file), "--tuner", f"{ADDRESS} '{fault}'")
    assert ran.exit_code == 1
    assert ran.stderr.startswith("error")
    assert ran.stderr.count(AT_ONCE[fault]) == 1
    assert "nascore/src" not in ran.stderr.replace("\\", "/")  # No frames of ours.
    assert json.loads(invoke("ls", "--json").stdout) == []


@pytest.mark.parametrize(
    "fault", [each if each != "hangs" else pytest.param(each, marks=pytest.mark.slow) for each in LATER]
)
def test_what_breaks_in_a_search_ends_it_with_the_reason(invoke, experiment_file, impatient, monkeypatch, fault):
    monkeypatch.setenv("TOY", "patient")
    ran = invoke("run", str(experiment_file), "--tuner", f"{ADDRESS} '{fault}'", "--trials", "8", *impatient)
    assert ran.exit_code == 1, ran.stderr
    *_, block = ran.stderr.partition("error  ")
    assert block.startswith("The search could not go on to its end. ")
    assert LATER[fault] in block
    assert "nascore resume" in block
    assert "Traceback" not in ran.stderr
    assert "ask 1 failed" not in ran.stderr


@pytest.mark.parametrize("fault", ["dies", "proposes invalid"])
def test_a_trouble_is_told_a_few_times_and_not_with_every_death(invoke, experiment_file, impatient, monkeypatch, fault):
    monkeypatch.setenv("TOY", "patient")
    ran = invoke("run", str(experiment_file), "--tuner", f"{ADDRESS} '{fault}'", "--trials", "8", *impatient)
    assert 2 <= ran.stderr.count(LATER[fault]) <= 5, ran.stderr


def test_several_objectives_are_refused_by_a_program_for_one_before_anything_begins(invoke, experiment_file):
    words = ("--tuner", f"exec:{sys.executable} {CLIMBER}", "--objective", "accuracy", "--objective", "latency:min")
    refused = invoke("run", str(experiment_file), *words)
    assert refused.exit_code == 1
    assert "climber optimises at most 1 objective; got accuracy, latency." in refused.stderr
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_one_shot_is_refused_by_a_program_for_trials_before_anything_begins(invoke, experiment_file):
    words = ("--tuner", f"exec:{sys.executable} {CLIMBER}", "--mode", "one-shot")
    refused = invoke("run", str(experiment_file), *words)
    assert refused.exit_code in (1, 2)
    assert "climber does not search in the mode one-shot" in refused.stderr
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_a_space_that_a_program_does_not_claim_to_handle_is_refused_although_it_would_take_it(nascore, tmp_path):
    space = tmp_path / "space.json"
    space.write_text(KNOWN_SPACES["repeats"].to_json())
    refused = nascore("serve", "--tuner", f"{ADDRESS} 'takes anything'", "--space", str(space))
    assert refused.returncode == 1
    assert "mutant: takes anything does not handle repeat nodes, and 'stage' is one." in refused.stderr


def test_a_server_outlives_its_tuner_and_says_what_became_of_it(tmp_path):
    plan = Plan(0, 1, workers=1, tuner=f"{ADDRESS} dies", settings={}, space=SPACE)
    with ServedSearch(tmp_path, plan) as search, search.admin() as client:
        assert worked_to_the_end(client, search.experiment) is EndReason.FAILED
        record = client.get(search.experiment)
        assert search.is_serving()
    assert record.state is ExperimentState.FINISHED
    assert record.counts[TrialState.SUCCEEDED] == sum(record.counts.values()) == 3
    assert "was lost in ask of trial 3: exit status 3." in record.trouble


def worked_to_the_end(client, experiment):
    """Be a worker that asks again whenever that may help, and return why the search ended."""
    while True:
        try:
            answer = client.lease(experiment, "w", max_wait_s=2.0)
        except NascoreError as error:
            if not error.is_retryable:
                raise
            continue
        if answer.status is LeaseStatus.ENDED:
            return answer.end_reason
        if (lease := answer.lease) is not None:
            outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5})
            client.finish(experiment, "w", lease.trial, lease.epoch, outcome=outcome)
