"""Packages install alone: a strategy brings no torch, and goes as it came."""

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "trial-sdk", *sorted(f"plugins/{folder.name}" for folder in (ROOT / "plugins").glob("nas-*")))


def _run(*command: str | Path, folder: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "NASCORE_HOME": str(folder / "home"), "COLUMNS": "200"}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_strategy_installs_into_core_alone_without_torch_and_uninstalls(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*map(str, install), "-c", ROOT / "constraints.txt", ROOT / "core"], check=True)
    nascore = tmp_path / "env" / "bin" / "nascore"
    assert "regularized-evolution" not in _run(nascore, "tuners", "--json", folder=tmp_path)
    subprocess.run([*map(str, install), "-c", ROOT / "constraints.txt", ROOT / "plugins" / "nas-evolution"], check=True)
    assert "regularized-evolution" in _run(nascore, "tuners", "--json", folder=tmp_path)
    packages = _run(python, "-m", "pip", "list", folder=tmp_path)
    assert "nas-evolution" in packages
    assert "torch" not in packages
    subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "-y", "nas-evolution"], check=True)
    assert "regularized-evolution" not in _run(nascore, "tuners", "--json", folder=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("package", PACKAGES)
def test_wheels_hold_types_licence_and_no_tests(package: str, tmp_path: Path) -> None:
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT / package)], check=True)
    wheel = next(tmp_path.glob("*.whl"))
    names = _run(sys.executable, "-m", "zipfile", "-l", wheel, folder=tmp_path)
    assert "py.typed" in names
    assert "licenses/LICENSE" in names
    # What `nascore tuners new` writes a package from lies there as text.
    assert not re.search(r"test_\w*\.py\s", names)
