"""A one-shot search on the command line: run by workers without torch, shown with its trust report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

WORKER = """
import os
from nascore.client import Client
from nascore.testing.supernets import worked

worked(Client.from_environment(os.environ), os.environ["NASCORE_EXPERIMENT"], os.environ["NASCORE_WORKER"])
"""


@pytest.fixture
def search_file(tmp_path: Path) -> Path:
    (tmp_path / "worker.py").write_text(WORKER)
    path = tmp_path / "experiment.yaml"
    path.write_text(
        f"trialCommand: {sys.executable} {tmp_path / 'worker.py'}\ntuner: learner\nseed: 5\n"
        "search: {epochs: 2, warmupEpochs: 0}\ntrust: {random: 3, sampled: 2}\n"
    )
    return path


def test_search_ends_with_a_trust_report_that_show_repeats(nascore, search_file: Path) -> None:
    done = nascore("run", str(search_file))
    assert done.returncode == 0, done.stderr
    assert "derived by the search" in done.stdout
    again = nascore("show", "last", "--trust")
    assert "all-largest" in again.stdout
    report = json.loads(nascore("show", "last", "--trust", "--json").stdout)
    assert report["derived"]["value"] == 1.0
    assert report["largest"]["value"] == pytest.approx(0.6)
    assert report["skip"]["value"] == pytest.approx(0.2)
    assert report["is_complete"] is True
    best = json.loads(nascore("best", "last", "--json").stdout)
    assert best[0]["architecture"] == {"a": "good", "b": "good"}
    assert "trained no supernet" not in again.stderr
    resumed = nascore("resume", "last")
    assert resumed.returncode == 2
    assert "nothing left to try" in resumed.stderr


def test_multi_trial_search_has_no_trust_report(nascore, experiment_file: Path) -> None:
    assert nascore("run", str(experiment_file)).returncode == 0
    shown = nascore("show", "last", "--trust")
    assert shown.returncode == 2
    assert "trained no supernet" in shown.stderr


def test_mode_that_the_tuner_does_not_know_is_refused_before_anything_begins(nascore, experiment_file: Path) -> None:
    refused = nascore("run", str(experiment_file), "--mode", "one-shot")
    assert refused.returncode == 2
    assert "does not search in the mode one-shot" in refused.stderr
    assert json.loads(nascore("ls", "--json").stdout) == []


def test_search_without_retraining_ends_with_what_the_supernet_derived(nascore, search_file: Path) -> None:
    done = nascore("run", str(search_file), "--retrain-epochs", "0")
    assert done.returncode == 0, done.stderr
    trials = json.loads(nascore("trials", "last", "--json").stdout)
    assert [trial["notes"]["role"] for trial in trials] == ["search"]
    assert trials[0]["architecture"] == {"a": "good", "b": "good"}
    assert json.loads(nascore("export", "last", "--best").stdout) == {"a": "good", "b": "good"}


def test_server_shares_weights_among_as_many_workers_as_it_is_told(nascore) -> None:
    refused = nascore("serve", "--tuner", "learner", "--share-weights", "async")
    assert refused.returncode == 2
    assert "--parallel 2" in refused.stderr


def test_tuners_say_their_mode(nascore) -> None:
    assert "one-shot; objectives: 1" in nascore("tuners", "learner").stdout
