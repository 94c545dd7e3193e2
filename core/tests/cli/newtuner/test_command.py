"""A new tuner's package passes its own tests, the linter and the type checker as it is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nascore.cli.newtuner.command import package_files
from nascore.cli.newtuner.naming import MOST_CHARACTERS, PackageNames
from nascore.cli.program import program

NAME = "hill-climbing"
QUICK = ("pytest", "-q", "-x", "-p", "no:cacheprovider", "--ignore=tests/test_conformance.py")
NAMES = ["a", NAME, "w" * MOST_CHARACTERS, "-".join("w" * (MOST_CHARACTERS // 2))]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Calls the program in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*words: str) -> Result:
        return CliRunner().invoke(program, list(words))

    return call


def package(folder: Path, name: str) -> Path:
    """The package as if it were installed in place: what an installer would write stands beside its sources."""
    for place, text in package_files(PackageNames(name)).items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    (points,) = project["entry-points"].items()
    info = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"[{points[0]}]", *(f"{key} = {value}" for key, value in points[1].items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(folder: Path, *words: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NASCORE", "PYTEST", "COV"))}
    environment = {**kept, "PYTHONPATH": str(folder / "src"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_folder_that_is_there_is_left_alone(invoke, tmp_path: Path) -> None:
    (tmp_path / "nas-hill-climbing").mkdir()
    shown = invoke("tuners", "new", NAME)
    assert shown.exit_code == 2
    assert "nas-hill-climbing is there already; nothing was written." in shown.stderr
    assert "--folder nas-hill-climbing-2" in shown.stderr
    assert list((tmp_path / "nas-hill-climbing").iterdir()) == []


def test_name_that_is_none_writes_nothing(invoke, tmp_path: Path) -> None:
    shown = invoke("tuners", "new", "Hill_Climbing")
    assert shown.exit_code == 2
    assert "Did you mean `hill-climbing`?" in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_name_of_an_installed_tuner_is_refused(invoke) -> None:
    shown = invoke("tuners", "new", "random")
    assert shown.exit_code == 2
    assert "A tuner `random` is installed already." in shown.stderr


def test_it_says_what_it_wrote_and_what_to_type_next(invoke, tmp_path: Path) -> None:
    shown = invoke("tuners", "new", NAME, "--folder", "my tuners/first")
    assert shown.exit_code == 0, shown.stderr
    written = [path.relative_to(tmp_path) for path in (tmp_path / "my tuners").rglob("*") if path.is_file()]
    assert sorted(shown.stdout.splitlines()) == sorted(map(str, written))
    assert "cd 'my tuners/first'\n" in shown.stderr
    for step in ('pip install -e ".[test]"', "pytest\n", "nascore tuners hill-climbing\n"):
        assert step in shown.stderr


def test_group_still_lists(invoke) -> None:
    assert "random" in invoke("tuners").stdout
    assert invoke("tuners", "random", "--json").stdout == invoke("tuners", "--json", "random").stdout
    assert "Did you mean `new`?" in invoke("tuners", "nwe").stderr
    assert "Write the package of a new tuner" in invoke("tuners", "--help").stdout


@pytest.mark.parametrize("name", NAMES)
def test_linter_and_formatter_have_nothing_to_say(tmp_path: Path, name: str) -> None:
    folder = package(tmp_path, name)
    run(folder, "ruff", "check", "--no-cache", ".")
    run(folder, "ruff", "format", "--no-cache", "--check", ".")


def test_its_own_tests_pass_and_it_is_listed(tmp_path: Path) -> None:
    folder = package(tmp_path, NAME)
    assert " passed" in run(folder, *QUICK)
    shown = run(folder, "nascore", "tuners", NAME)
    assert f"{NAME}  ok  nas-hill-climbing 0.1.0" in shown
    assert "first_random" in shown


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_passes_the_whole_conformance_kit(tmp_path: Path) -> None:
    shown = run(package(tmp_path, NAME), "pytest", "-q", "-p", "no:cacheprovider", "tests/test_conformance.py")
    assert " passed" in shown
    assert "failed" not in shown


@pytest.mark.slow
def test_type_checker_has_nothing_to_say(tmp_path: Path) -> None:
    assert "Success" in run(package(tmp_path, NAME), "mypy")


@pytest.mark.parametrize("fault", ["forgets", "ignores the seed"])
def test_its_tests_catch_a_mistake(tmp_path: Path, fault: str) -> None:
    folder = package(tmp_path, NAME)
    path = folder / "src" / "nas_hill_climbing" / "tuner.py"
    before, after = {
        "forgets": ("if score > self._score:", "if score < self._score:"),
        "ignores the seed": ("Random(seed)", "Random()"),
    }[fault]
    source = path.read_text()
    assert before in source
    path.write_text(source.replace(before, after))
    with pytest.raises(AssertionError, match="failed"):
        run(folder, *QUICK)
