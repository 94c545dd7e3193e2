"""The first lines of the README run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


def test_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "mnist-00000000 {'--lr': '0.0" in printed
    assert "mnist-00000001 " in printed
