"""Every one-shot tuner through the real program: server, tuner's process, worker and trial's process; and kill -9."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = Path(__file__).with_name("small.py")
PLAN = {"search": {"epochs": 2, "warmupEpochs": 1}, "retrain": {"epochs": 1}, "trust": {"random": 1, "sampled": 1}}
TUNERS = {
    "darts": {},
    "darts, second order": {"order": 2},
    "gdas": {},
    "snas": {},
    "proxyless": {"gradient_every": 1},
    "directgrad": {},
    "pc-darts": {"partial_channels": 2},
    "drnas": {},
    "enas": {"samples": 2, "updates": 2},
    "reinforce": {"samples": 2},
    "ppo": {"samples": 2},
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def nascore(tmp_path):
    shutil.copy(TRIAL, tmp_path)

    def run(*words, **variables):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NASCORE", "PYTEST", "COV"))}
        environment = {**kept, "NASCORE_HOME": str(tmp_path / "home"), "NO_COLOR": "1", **variables}
        command = [sys.executable, "-m", "nascore", *words]
        # To files: what outlives a program that was killed would keep pipes open.
        said = [tmp_path / name for name in ("said", "complained")]
        with said[0].open("w") as output, said[1].open("w") as messages:
            done = subprocess.run(
                command, env=environment, cwd=tmp_path, stdout=output, stderr=messages, check=False, timeout=300
            )
        return subprocess.CompletedProcess(command, done.returncode, *(path.read_text() for path in said))

    return run


def planned(folder, tuner, settings):
    plan = {
        "trialFile": TRIAL.name,
        "tuner": {"name": tuner, "classArgs": settings},
        "mode": "one-shot",
        "seed": 3,
        **PLAN,
    }
    (folder / "experiment.yaml").write_text(json.dumps(plan))
    return "experiment.yaml"


def trials_of(nascore):
    return json.loads(nascore("trials", "last", "--json").stdout)


@pytest.mark.parametrize("name", TUNERS)
def test_the_tuner_ends_with_a_derived_network_that_is_retrained_and_a_trust_report(nascore, tmp_path, name):
    done = nascore("run", planned(tmp_path, name.split(",")[0], TUNERS[name]), "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "derived by the search" in done.stdout
    trials = trials_of(nascore)
    assert {trial["state"] for trial in trials} == {"succeeded"}
    assert [trial["notes"]["role"] for trial in trials[:2]] == ["search", "retrain"]
    trust = json.loads(nascore("show", "last", "--trust", "--json").stdout)
    assert trust["is_complete"]
    assert trust["derived"]["trial"] == 1
    assert trust["derived"]["value"] == trials[1]["metrics"]["test accuracy"]
    best = json.loads(nascore("best", "last", "--json").stdout)
    assert best[0]["architecture"] == trials[1]["architecture"]


def test_partial_channels_of_layers_without_channels_are_refused_in_a_sentence(nascore, tmp_path):
    plan = planned(tmp_path, "pc-darts", TUNERS["pc-darts"])
    done = nascore("run", plan, "-q", CANDIDATES="recurrent")
    assert done.returncode == 1, done.stdout + done.stderr
    (trial, *others) = trials_of(nascore)
    assert not others
    assert trial["state"] == "failed"
    refusal = "The decision 'depth[0]/op' cannot use partial channels: "
    assert trial["failure"]["message"].startswith(refusal)
    assert re.sub(r"\s+", " ", done.stderr).startswith(f"error {refusal}")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("killed", ["small.py", "small.py experiment.yaml"], ids=["worker", "worker and server"])
def test_a_search_whose_processes_are_killed_ends_as_if_nothing_had_happened(nascore, tmp_path, killed):
    plan = planned(tmp_path, "darts", {})
    assert nascore("run", plan, "-q").returncode == 0
    undisturbed = trials_of(nascore)
    marker = tmp_path / "marker"
    marker.write_text(killed)
    done = nascore("run", plan, "-q", KILL_ONCE=str(marker))
    assert not marker.exists(), done.stdout + done.stderr
    if trials_of(nascore)[0]["state"] != "succeeded":
        assert done.returncode != 0
        done = nascore("resume", "last", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    logs = (tmp_path / "home").glob("experiments/*/logs/trial-0.log")
    assert any(re.search(r"goes on at sample [1-9]", log.read_text()) for log in logs)
    trials = trials_of(nascore)
    assert [each["metrics"] for each in trials] == [each["metrics"] for each in undisturbed]
    assert [each["architecture"] for each in trials] == [each["architecture"] for each in undisturbed]
