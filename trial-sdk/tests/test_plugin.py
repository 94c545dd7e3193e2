"""What the SDK adds to the command line, through the plugins' own front door and with real trial files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from click.testing import CliRunner
from nas_trial import weights
from nas_trial_plugin.process import TrialFileError, _failure
from nascore.errors import NotFoundError
from nascore.record import Outcome, OutcomeStatus, Proposal, TrialRecord, TrialState
from nascore.space import SearchSpace
from nascore.tuner.hooks import ExportRequest
from nascore.tuner.plugins import COMMANDS, EXPORTERS, Plugins
from nascore.weights import DirectoryStore
from torch import nn

TRIAL = """
import nas_trial as nas
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.op = nas.LayerChoice({"line": lambda: nn.Linear(4, 4), "skip": nn.Identity}, label="op")
        self.head = nas.Linear(4, nas.ValueChoice([2, 3], label="classes"))

    def forward(self, x):
        return self.head(self.op(x))


class Small(nas.Trial):
    def build(self):
        return Net()

    def train_batches(self):
        return self.validation_batches()

    def validation_batches(self):
        yield torch.linspace(0, 1, 24).reshape(6, 4), torch.arange(6) % 2


if __name__ == "__main__":
    nas.run(Small())
"""


@pytest.fixture
def trial_file(tmp_path: Path) -> Path:
    file = tmp_path / "trial.py"
    file.write_text(TRIAL)
    return file


def space_command():
    return Plugins(COMMANDS).load("space")


def test_the_plugin_is_found_by_metadata_and_imports_no_torch() -> None:
    script = (
        "import sys\nfrom nascore.tuner.plugins import COMMANDS, EXPORTERS, Plugins\n"
        "Plugins(COMMANDS).load('space'), Plugins(EXPORTERS).load('code')\n"
        "assert not {'torch', 'nas_trial'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_space_shows_the_decisions_and_writes_them_as_json(trial_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "space.json"
    shown = CliRunner().invoke(space_command(), [str(trial_file), "-o", str(output), "--json"])
    assert shown.exit_code == 0, shown.output
    assert "2 decisions, 4 architectures" in shown.stderr
    assert SearchSpace.from_json(shown.stdout) == SearchSpace.from_json(output.read_text())
    assert [info.path for info in SearchSpace.from_json(shown.stdout).decisions] == ["classes", "op"]


def test_space_names_file_and_line_of_an_exception_in_the_trial_file(trial_file: Path) -> None:
    trial_file.write_text("def build():\n    return width\n\n\nbuild()\n")
    with pytest.raises(TrialFileError, match=r"^NameError: name 'width' is not defined$") as caught:
        CliRunner().invoke(space_command(), [str(trial_file)], catch_exceptions=False, standalone_mode=False)
    assert caught.value.where == f"{trial_file}:2"
    assert caught.value.excerpt == "2 |     return width"


def test_a_trial_file_that_does_nothing_is_told_what_is_missing(trial_file: Path) -> None:
    trial_file.write_text("x = 1\n")
    with pytest.raises(TrialFileError, match="ended without calling") as caught:
        CliRunner().invoke(space_command(), [str(trial_file)], catch_exceptions=False, standalone_mode=False)
    assert "nas.run(" in caught.value.hint


def test_a_missing_trial_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file .*absent\.py"):
        CliRunner().invoke(
            space_command(), [str(tmp_path / "absent.py")], catch_exceptions=False, standalone_mode=False
        )


def test_an_error_of_the_sdk_is_shown_without_its_class_and_with_all_lines(tmp_path: Path) -> None:
    errors = (
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/trial.py", line 3, in build\n    return nas.LayerChoice({{}})\n           ^^^^^^^\n'
        '  File "/somewhere/site-packages/nas_trial/x.py", line 9, in decide\n    raise SpaceError(...)\n'
        "nascore.errors.SpaceError: Not valid:\n  - op: no candidates\n"
    )
    error = _failure(tmp_path / "trial.py", 1, errors)
    assert error.message == "Not valid:\n  - op: no candidates"
    assert error.where == f"{tmp_path}/trial.py:3"


def test_code_exports_a_trial_that_runs_without_the_sdk(trial_file: Path, tmp_path: Path) -> None:
    chosen = {"op": "line", "classes": "3"}
    torch.manual_seed(0)
    namespace = _Net()
    model = nas.build(namespace.make, chosen)
    store = DirectoryStore(tmp_path / "weights")
    checkpoint = weights.save(model.state_dict(), store, trial=0)
    space = nas.extract(namespace.make)
    architecture = space.architecture(chosen)
    record = TrialRecord(
        number=0,
        state=TrialState.SUCCEEDED,
        proposal=Proposal(0, architecture),
        outcome=Outcome(OutcomeStatus.COMPLETED, metrics={"accuracy": 0.9755555391311646}),
        checkpoint=checkpoint,
    )
    request = ExportRequest(
        folder=tmp_path,
        trial_file=trial_file,
        architecture=architecture,
        trial=record,
        weights=store.folder,
        checkpoint=checkpoint,
        target=tmp_path / "out",
    )
    exporter = Plugins(EXPORTERS).load("code")
    assert callable(exporter)
    files = exporter(request)
    assert files == (tmp_path / "out" / "model.py", tmp_path / "out" / "model.safetensors")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["model.py", "model.safetensors"]
    shown = subprocess.run([sys.executable, str(files[0])], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "accuracy: " in shown.stdout
    assert "(reported: 0.975556)" in shown.stdout


class _Net:
    """The network of the trial file, with the same labels and tensor keys."""

    def make(self) -> nn.Module:
        op = nas.LayerChoice({"line": lambda: nn.Linear(4, 4), "skip": nn.Identity}, label="op")
        return _Both(op, nas.Linear(4, nas.ValueChoice([2, 3], label="classes")))


class _Both(nn.Module):
    def __init__(self, op: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.op, self.head = op, head
