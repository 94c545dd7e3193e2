"""The examples of the README run as they stand, and do what the text around them says."""

from __future__ import annotations

import re
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.judging import difference
from nas_trial.weights import inherit, save
from nascore.weights import DirectoryStore

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_the_search_of_the_first_lines_finds_what_chance_does_not(
    examples: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(examples[0], README.name, "exec"), {})
    count, _, rest = capsys.readouterr().out.partition(" ")
    assert rest == "of 28\n"
    # Of 500 random architectures none has 18 skips: one in two million has.
    assert int(count) >= 18


def test_the_network_with_branches_computes_the_same_with_more_of_them(examples: list[str], tmp_path: Path) -> None:
    names: dict[str, type[torch.nn.Module]] = {}
    exec(compile(examples[1], README.name, "exec"), names)
    network = names["Net"]
    small, large = (nas.build(network, {"paths": count}) for count in (0, 4))
    store = DirectoryStore(tmp_path)
    inherit(large, save(small.state_dict(), store, trial=0), store, rules='{"preset": "morph"}')
    assert difference(small, large, torch.randn(16, 8), training=True) == 0.0
