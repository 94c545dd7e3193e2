"""The first lines of the README run as they stand, and its table of settings leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nascore.tuner import Plugins, load_tuner

README = (Path(__file__).parents[1] / "README.md").read_text()
NAMES = ("darts", "directgrad", "drnas", "gdas", "pc-darts", "proxyless", "snas")


def test_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(example, "README.md", "exec"), {})
    assert "exact" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_tuner_is_installed_and_all_its_settings_are_explained(name: str) -> None:
    tuner_type, _ = load_tuner(name)
    assert tuner_type.name == name
    assert tuner_type.summary
    for setting, field in tuner_type.settings_type.model_fields.items():
        assert field.description
        assert f"`{setting}`" in README


def test_no_tuner_is_missing_here() -> None:
    ours = [each.name for each in Plugins("nascore.tuners").status() if each.distribution == "nas-darts"]
    assert sorted(ours) == sorted(NAMES)
