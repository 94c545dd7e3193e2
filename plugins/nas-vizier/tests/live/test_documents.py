"""What README and guide show runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2]
GUIDE = PACKAGE.parents[1] / "docs" / "vizier.md"


def blocks(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.S)


def test_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(PACKAGE / "README.md")
    exec(compile(example, "README.md", "exec"), {})
    assert 1 <= float(capsys.readouterr().out.split()[0]) <= 20


def test_examples_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Vizier makes its database in its own folder unless told otherwise.
    first, second = blocks(GUIDE)
    first = first.replace("policy_factory=factory", "policy_factory=factory, database_url='sqlite:///:memory:'")
    config = "from vizier.service import pyvizier\nconfig = pyvizier.StudyConfig()\n"
    exec(compile(f"{first}\n{config}{second}\nfactory.close()", "vizier.md", "exec"), {})
