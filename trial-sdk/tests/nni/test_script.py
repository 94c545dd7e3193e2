"""Scripts that were written for NNI: one process for each trial, under a real server, with and without edits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from nas_trial_plugin.plugin import nascore_commands
from nascore.experiment import archive
from nascore.record import OutcomeStatus

SCRIPT = """
import os, sys
{imports}

def main():
    parameters = nni.get_next_parameter()
    lr = parameters.get("lr", 0.5)
    print("got", parameters, sys.argv[1:], nni.get_trial_id(), nni.get_sequence_id(), nni.get_experiment_id())
    for step in range(2):
        nni.report_intermediate_result(lr / (2 - step))
    if lr == 0.25:
        raise ValueError("a bad rate")
    if lr == 0.75:
        sys.exit(3)
    if lr == 0.875:
        return
    nni.report_final_result({{"default": lr, "pid": os.getpid()}})

if __name__ == "__main__":
    main()
"""
SPACE = {
    "lr": {"_type": "choice", "_value": [0.125, 0.25, 0.5, 0.75, 0.875]},
    "block": {
        "_type": "choice",
        "_value": [{"_name": "conv", "k": {"_type": "randint", "_value": [1, 4]}}, {"_name": "skip"}],
    },
}
EXPERIMENT = """
{command}
searchSpaceFile: space.json
maxTrialNumber: {trials}
tuner: random
seed: 3
trialConcurrency: 1
"""


def nascore(folder: Path, *words: str, code: int = 0) -> str:
    environment = {**os.environ, "NASCORE_HOME": str(folder / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "nascore", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


def trials(folder: Path):
    return archive.load(folder / "home", "last").trials


def prepare(folder: Path, imports: str) -> None:
    (folder / "script.py").write_text(SCRIPT.format(imports=imports))
    (folder / "space.json").write_text(json.dumps(SPACE))


KINDS = {
    "no edit": ("import nni", "trialCommand: python -m nas_trial.nni script.py --epochs 3"),
    "the import edited": ("import nas_trial.nni as nni", "trialCommand: python script.py --epochs 3"),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_script_runs_once_for_each_trial_in_a_process_of_its_own(kind, tmp_path: Path) -> None:
    imports, command = kind
    prepare(tmp_path, imports)
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT.format(command=command, trials=8))
    nascore(tmp_path, "run", "experiment.yaml")
    found = trials(tmp_path)
    assert len(found) == 8
    pids = []
    for trial in found:
        assert trial.outcome is not None
        lr = float(trial.proposal.architecture["lr"])
        log = (next((tmp_path / "home/experiments").iterdir()) / f"logs/trial-{trial.number}.log").read_text()
        assert f"{{'lr': {lr}, 'block': {{'_name': " in log
        assert f"['--epochs', '3'] {trial.number} {trial.number} " in log
        if lr == 0.25:
            assert trial.outcome.failure.message.startswith("ValueError: a bad rate (script.py:")
        elif lr == 0.75:
            assert trial.outcome.failure.message.startswith("The trial called sys.exit(3).")
        elif lr == 0.875:
            assert "without a final result" in trial.outcome.failure.message
        else:
            assert trial.outcome.status is OutcomeStatus.COMPLETED
            assert trial.outcome.metrics["accuracy"] == lr
            pids.append(trial.outcome.metrics["pid"])
    assert len(set(pids)) == len(pids) > 1


def test_without_a_search_a_script_runs_once_and_gets_nothing(tmp_path: Path) -> None:
    prepare(tmp_path, "import nni")
    command = [sys.executable, "-m", "nas_trial.nni", "script.py", "--epochs", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "got {} ['--epochs', '3'] STANDALONE 0 STANDALONE",
        "intermediate result: 0.25",
        "intermediate result: 0.5",
        "final result: default 0.5  pid " + done.stdout.splitlines()[-1].rpartition(" ")[2],
    ]


def test_a_search_without_a_space_says_where_to_name_one(tmp_path: Path) -> None:
    prepare(tmp_path, "import nas_trial.nni as nni")
    shown = nascore(tmp_path, "run", "script.py", "--trials", "2", code=1)
    assert "no search space yet" in shown
    assert "searchSpaceFile" in shown


ANNOTATED = """
import json
import nni

def main():
    '''@nni.get_next_parameter()'''
    '''@nni.variable(nni.uniform(0.25, 0.75), name=rate)'''
    rate = 3.0
    '''@nni.mutable_layers({
        layer_choice: [f(k=1), f(k=2)], optional_inputs: [rate], optional_input_size: [0, 1], layer_output: out
    })'''
    '''@nni.report_final_result(out)'''
    nni.report_intermediate_result(1)

def f(inputs, k):
    return k * 10 + sum(inputs[1])

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("keys", ["nascore", "nni"])
def test_compiled_scripts_run_under_a_search_with_and_without_their_space_named(keys: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ANNOTATED)
    words = [str(tmp_path / "script.py"), "-o", str(tmp_path / "build"), "--keys", keys]
    assert CliRunner().invoke(nascore_commands()["compile"], words).exception is None
    named = ["--space", "build/search_space.json"] if keys == "nni" else []
    nascore(tmp_path, "run", "build/script.py", *named, "--trials", "6", "--tuner", "evolution", "--seed", "1")
    for trial in trials(tmp_path):
        values = list(trial.proposal.architecture.items())
        rate = next(value for _, value in values if isinstance(value, float))
        k = 1 if any(value == "f(k=1)" for _, value in values) else 2
        inputs = next(value for _, value in values if isinstance(value, tuple))
        assert trial.outcome.metrics["accuracy"] == pytest.approx(10 * k + (rate if inputs else 0))


def test_a_compiled_script_tells_its_space_and_has_no_network_to_export(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ANNOTATED)
    words = [str(tmp_path / "script.py"), "-o", str(tmp_path / "build")]
    assert CliRunner().invoke(nascore_commands()["compile"], words).exception is None
    shown = CliRunner().invoke(nascore_commands()["space"], [str(tmp_path / "build/script.py"), "--json"])
    assert json.loads(shown.stdout) == json.loads((tmp_path / "build/search_space.json").read_text())
    environment = {**os.environ, "NASCORE_TASK": "export"}
    command = [sys.executable, str(tmp_path / "build/script.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nascore compile SRC --architecture best.json" in done.stderr
