"""What the pages about annotated code show is what the compiler writes, and the example is searched, start to end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from nas_trial_plugin.annotation import compile_files
from nas_trial_plugin.plugin import nascore_commands
from nascore.experiment import archive
from nascore.record import TrialState

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "nni"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def compiled(source: str, **options: object) -> str:
    made = compile_files({"trial.py": source.encode()}, shown={"trial.py": "trial.py"}, is_tree=False, **options)
    return made.files["trial.py"].decode().partition('"search_space.json")\n')[2] or made.files["trial.py"].decode()


def test_before_and_after_are_what_the_compiler_reads_and_writes() -> None:
    page = (ROOT / "docs" / "coming-from-nni.md").read_text(encoding="utf-8").partition("## Annotated code")[2]
    before, after, alone = blocks(page, "python")
    assert compiled(before) == after
    chosen = json.dumps({"build:out4": "pool()", "build:out4:inputs": ["out1", "out3"]})
    assert compiled(before, architecture=chosen) == alone


def test_the_layer_of_the_reference_compiles_and_its_architecture_fits() -> None:
    page = (ROOT / "docs" / "annotations.md").read_text(encoding="utf-8")
    (source,) = blocks(page, "python")
    (architecture,) = blocks(page, "json")
    assert "out4 = conv([[x], [out1, out3]], ch=128)" in compiled(source, architecture=architecture)


def test_the_example_shows_what_its_script_becomes() -> None:
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    source = (EXAMPLE / "trial.py").read_text(encoding="utf-8")
    annotation, call, alone = blocks(page, "python")
    assert annotation.strip().removeprefix('"""@nni.mutable_layers({').strip() in source
    assert call in compiled(source)
    inner = {"Net.forward:first": "pool(size=3)", "Net.forward:second": "identity()", "main.learning_rate": 0.01}
    chosen = {"Net.forward:third": "self.third5()", "Net.forward:third:inputs": ["stem", "second"]}
    architecture = json.dumps({**inner, **chosen, "Net.forward:second:inputs": []})
    assert alone in compiled(source, architecture=architecture)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("tuner", [["random"], ["evolution", "--set", "population_size=3", "--set", "sample_size=2"]])
def test_the_example_is_searched_and_its_best_runs_alone(tuner: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "NASCORE_HOME": str(tmp_path / "home")}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def compile_(*words: str) -> None:
        done = CliRunner().invoke(nascore_commands()["compile"], [str(EXAMPLE / "trial.py"), *words])
        assert done.exception is None, done.exception

    compile_("-o", str(tmp_path / "build"))
    run("-m", "nascore", "run", "build/trial.py", "--tuner", *tuner, "--trials", "4", "--seed", "2")
    found = archive.load(tmp_path / "home", "last")
    assert [trial.state for trial in found.trials] == [TrialState.SUCCEEDED] * 4
    run("-m", "nascore", "export", "last", "--best", "-o", "best.json")
    compile_("--architecture", str(tmp_path / "best.json"), "-o", str(tmp_path / "best"))
    assert "nas_" not in (tmp_path / "best" / "trial.py").read_text()
    assert float(run("best/trial.py", "--epochs", "1")) > 0
