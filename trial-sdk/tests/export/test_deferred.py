"""What only the validation needs is defined when it is used: the network loads where its packages are not installed."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import ModuleType

import pytest
from nas_trial.export import export_source, standalone
from nas_trial.export.deferred import define_validation, foreign_packages

TRIAL = '''
import random

import click
import click.types
import nas_trial as nas
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, Dataset

# How many at once.
batch_size: int = 2
LIMIT: int = (
    batch_size
    + 2
)
KIND: object = click.Choice(["a", "b"])
COUNT = 0


def decorated(function, *, kind=click.INT):
    return function


class Rows(Dataset, click.ParamType):
    """A base class and a class attribute of the package."""

    kind: click.ParamType = click.INT

    def __len__(self):
        return LIMIT

    def __getitem__(self, index):
        return torch.full((4,), float(index)), self.kind.convert(yaml.safe_dump(index).split()[0], None, None)


@decorated
def counted(rows: "click.ParamType"):
    global COUNT
    COUNT += 1
    return DataLoader(rows, batch_size=batch_size)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nas.Linear(4, 2)

    def forward(self, x):
        return self.line(x)


class Trial(nas.Trial):
    def build(self):
        return Net()

    def validation_batches(self):
        yield from counted(Rows())

    def validation_step(self, model, batch):
        return {"sum": batch[1].float().sum() / len(batch[1]), "count": COUNT, "choices": len(KIND.choices)}
'''

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"click", "yaml"}:
            raise ImportError(name)

sys.meta_path.insert(0, Absent())
import model
model.Net()
assert not {"click", "yaml"} & sys.modules.keys()
"""


def module_of(file: Path) -> ModuleType:
    return standalone.module_of(file, name=file.stem)


@pytest.fixture
def text(tmp_path: Path) -> str:
    file = tmp_path / "deferred_trial.py"
    file.write_text(TRIAL)
    return export_source(module_of(file).Trial(), {})


def test_a_network_is_made_without_the_packages_of_its_validation(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(text)
    run = subprocess.run([sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    top = text[: text.index("class Net")]
    assert "click" not in top.split('"""')[2]
    assert "Dataset" not in top


def test_what_is_deferred_means_what_it_meant_at_the_top(text: str, tmp_path: Path) -> None:
    file = tmp_path / "deferred_model.py"
    file.write_text(text)
    model = module_of(file)
    network = model.Net()
    assert model.validate(network) == {"sum": 1.5, "count": 1.0, "choices": 2.0}
    assert model.validate(network)["count"] == 2.0
    assert model.COUNT == 2
    assert model.Rows.__qualname__ == "Rows"
    assert "    # How many at once.\n    batch_size = 2\n" in text


def test_objects_of_deferred_classes_reach_processes_that_load_data(text: str, tmp_path: Path) -> None:
    file = tmp_path / "deferred_pickled.py"
    file.write_text(text)
    sent = ForkingPickler.dumps(module_of(file).Rows())
    again = module_of(file)
    assert len(ForkingPickler.loads(sent)) == 4
    with pytest.raises(AttributeError, match="has no attribute 'Columns'"):
        _ = again.Columns


def test_a_validation_without_further_packages_stands_at_the_top_level(tmp_path: Path) -> None:
    file = tmp_path / "plain_trial.py"
    kept = TRIAL.replace("import click\nimport click.types\n", "").replace("import yaml\n", "")
    start, end = kept.index("KIND"), kept.index("class Net")
    body = kept[end:].replace("counted(Rows())", "[(torch.ones(batch_size, 4), torch.ones(batch_size))]")
    file.write_text(kept[:start] + "KIND = nn.Module\nCOUNT = 0\n\n" + body.replace("len(KIND.choices)", "1"))
    text = export_source(module_of(file).Trial(), {})
    assert "define_validation" not in text
    assert "\nclass Validation:" in text
    assert "\nbatch_size: int = 2\n" in text


def test_packages_of_others_are_those_that_are_neither_torch_nor_of_python() -> None:
    texts = [
        "import a.b as c, os.path",
        "from torch import nn",
        "try:\n    from d.e import f\nexcept ImportError: pass",
    ]
    assert foreign_packages([*texts, "def f():\n    import g"]) == ["a", "d", "g"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("x: int = (1 +\n    2)", 3),
        ("x: 'int' = 3", 3),
        ("if True:\n    x: int = 4\nelse:\n    x: int", 4),
        ("ä = 'ö'; x: str = ä + 'ü'", "öü"),
        ("x = [i for i in range(2)]", [0, 1]),
    ],
)
def test_any_statement_can_be_deferred(item: str, expected: object, tmp_path: Path) -> None:
    file = tmp_path / "statement_model.py"
    file.write_text(define_validation(["import click"], [item, "class Validation:\n    y: int = 1"]))
    module = module_of(file)
    assert module.x == expected
    assert module.Validation.y == 1


@pytest.mark.parametrize(
    "body",
    [
        "    @CLICKED\n    def forward(self, x):\n        return x",
        "    def forward(self, x, kind=click.INT):\n        return x",
        "    def forward(self, x: click.ParamType):\n        return x",
        '    def forward(self, x) -> "list[click.ParamType]":\n        return x',
        "    kind = click.INT\n\n    def forward(self, x):\n        return x if self.kind else None",
        "    def forward(self, x):\n        return second(x)",
    ],
    ids=["decorator", "default", "annotation", "quoted", "class body", "transitive"],
)
def test_whatever_the_network_uses_stays_at_the_top(body: str, tmp_path: Path) -> None:
    helpers = "\n\ndef CLICKED(f):\n    return click.pass_obj and f\n\n\ndef second(x):\n    return CLICKED(x)\n\n\n"
    start, end = TRIAL.index("class Net"), TRIAL.index("class Trial")
    network = f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n\n{body}\n\n\n"
    file = tmp_path / "used_trial.py"
    file.write_text(f"{TRIAL[:start]}{helpers}{network}{TRIAL[end:]}")
    text = export_source(module_of(file).Trial(), {})
    assert "\nimport click\n" in text[: text.index("class Net")]
    assert "yaml" not in text[: text.index("class Net")].split('"""')[2]
    (tmp_path / "used_model.py").write_text(text)
    assert module_of(tmp_path / "used_model.py").Net()(3) == 3
