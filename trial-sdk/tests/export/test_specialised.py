"""What cannot be exported is refused with its place and a remedy; what is unusual is exported all the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.export import ExportError, export_source, standalone
from torch import nn
from torch.nn.utils import parametrizations

_numbers = itertools.count()
HEAD = "import nas_trial as nas\nimport torch\nfrom torch import nn\n\n\n"


def net_of(folder: Path, body: str, *, head: str = HEAD) -> Callable[[], nn.Module]:
    """The class Net of a file with this text."""
    file = folder / f"user_{next(_numbers)}.py"
    file.write_text(head + body, encoding="utf-8")
    return imported(file).Net


def imported(file: Path):
    return standalone.module_of(file, name=file.stem)


def exported(factory: Callable[[], nn.Module]) -> str:
    return export_source(factory, nas.extract(factory).default())


def module_class(init: str, forward: str, *, extra: str = "") -> str:
    return (
        f"class Net(nn.Module):\n{extra}    def __init__(self):\n        super().__init__()\n"
        f"        {init}\n\n    def forward(self, x):\n        {forward}\n"
    )


@pytest.mark.parametrize(
    ("init", "forward", "says"),
    [
        ("self.act = lambda x: x", "return self.act(x)", r"user_\d+\.py:16: self\.act of Net cannot .*lambda"),
        ("self.all = [nn.Linear(2, 2)]", "return self.all[0](x)", r"self\.all of Net .* not registered"),
        ("self.big = torch.zeros(999)", "return x + self.big.sum()", r"self\.big of Net .*999 numbers"),
        ("pass", "return nas.maximum(x, 1)", r"user_\d+\.py:16: uses 'nas' of nas_trial"),
        ("pass", "import nas_trial\n        return x", r"user_\d+\.py:16: uses 'nas_trial'"),
        ("pass", "return Other()(x)", "uses the module class Other, of which the exported network has none"),
        ("pass", "return x + undefined", r"user_\d+\.py:16: the name 'undefined' is not defined"),
        (
            "self.op = nas.LayerChoice({'a': nn.ReLU})",
            "return x if self.op.chosen else 1",
            "asks the choice 'op' for its chosen",
        ),
        (
            "self.op = nas.Repeat(lambda i: nn.ReLU(), 2)",
            "return x * self.op.count",
            "asks the choice 'op' for its count",
        ),
        (
            "self.register_buffer('b', torch.zeros(999), persistent=False)",
            "return x + self.b[0]",
            "b is a buffer that is not saved",
        ),
        ("self.forward = lambda x: x", "return x", r"self\.forward of Net cannot"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_its_place(init: str, forward: str, says: str, tmp_path: Path) -> None:
    extra = "class Other(nn.Module):\n    pass\n\n\n"
    net = net_of(tmp_path, extra + module_class(init, forward))
    with pytest.raises(ExportError, match=says) as caught:
        exported(net)
    assert caught.value.hint


def test_parametrizations_and_hooks_are_refused_by_path() -> None:
    def parametrized() -> nn.Module:
        return nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2)))

    def hooked() -> nn.Module:
        layer = nn.Linear(2, 2)
        layer.register_forward_hook(lambda module, inputs, output: output + 1)
        return nn.Sequential(nn.ReLU(), layer)

    with pytest.raises(ExportError, match="at '0' has a parametrization of weight"):
        exported(parametrized)
    with pytest.raises(ExportError, match=r"Linear at '1' has hooks \(forward_hooks\)"):
        exported(hooked)


def test_a_variable_of_an_enclosing_function_is_refused(tmp_path: Path) -> None:
    body = (
        "def make():\n    width = 3\n\n    class Net(nn.Module):\n"
        "        def forward(self, x):\n            return x * width\n\n    return Net\n\n\nNet = make()\n"
    )
    with pytest.raises(ExportError, match=r"user_\d+\.py:11: .*width"):
        exported(net_of(tmp_path, body))


def test_two_meanings_of_a_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "other_part.py").write_text("SCALE = 2\n\n\ndef scaled(x):\n    return x * SCALE\n")
    body = "SCALE = 3\n\n\n" + module_class("pass", "return scaled(x) * SCALE")
    net = net_of(tmp_path, body, head=HEAD.replace("\n\n\n", "\nfrom other_part import scaled\n\n\n"))
    with pytest.raises(ExportError, match="'SCALE' stands for two things"):
        exported(net)


def test_code_of_the_users_other_files_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_parts.py").write_text(
        "import math as m\n\nHALF = m.pi / 2\n\n\ndef turned(x):\n    return x * HALF\n"
    )
    net = net_of(
        tmp_path,
        module_class("pass", "return twisted(x)"),
        head=HEAD.replace("\n\n\n", "\nfrom my_parts import turned as twisted\n\n\n"),
    )
    text = exported(net)
    assert "import math as m\n" in text
    assert "HALF = m.pi / 2\n\n\ndef turned(x):" in text
    assert "\ntwisted = turned\n" in text
    file = tmp_path / "generated_from_parts.py"
    file.write_text(text)
    assert torch.equal(imported(file).Net()(torch.ones(2)), net()(torch.ones(2)))


def test_a_module_of_the_users_must_be_imported_by_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_module.py").write_text("def turned(x):\n    return x\n")
    net = net_of(
        tmp_path,
        module_class("pass", "return my_module.turned(x)"),
        head=HEAD.replace("\n\n\n", "\nimport my_module\n\n\n"),
    )
    with pytest.raises(ExportError, match=r"my_module is the module .*my_module\.py") as caught:
        exported(net)
    assert "from my_module import" in caught.value.hint


def test_class_attributes_properties_and_inherited_methods_come_along(tmp_path: Path) -> None:
    body = """
class Base(nn.Module):
    base = 2
    power = base + 1

    def forward(self, x):
        return self.raised(x)

    @staticmethod
    def plus(x):
        return x + 1

    @property
    def exponent(self):
        return self.power

    @exponent.setter
    def exponent(self, value):
        raise AttributeError

    def raised(self, x):
        return self.plus(x) ** self.exponent


class Net(Base):
    def raised(self, x):
        return super().raised(x) / super(Net, self).raised(2 * x)
"""
    net = net_of(tmp_path, body)
    text = exported(net)
    file = tmp_path / "generated_from_base.py"
    file.write_text(text)
    assert torch.equal(imported(file).Net()(torch.ones(2)), net()(torch.ones(2)))
    assert "(nn.Module)" in text


def test_a_class_that_knows_itself_is_exported_and_one_with_two_variants_is_refused(tmp_path: Path) -> None:
    part = (
        "class Part(nn.Module):\n    def __init__(self, scale):\n        super().__init__()\n"
        "        self.scale = scale\n\n"
        "    def forward(self, x):\n        return x * self.scale if isinstance(self, Part) else x\n\n\n"
    )
    one = net_of(tmp_path, part + "def Net():\n    return nn.Sequential(Part(2), Part(2))\n")
    assert "isinstance(self, Part)" in exported(one)
    two = net_of(tmp_path, part + "def Net():\n    return nn.Sequential(Part(2), Part(3))\n")
    with pytest.raises(ExportError, match="uses the module class Part, of which the exported network has 2 classes"):
        exported(two)


def test_tied_parameters_stay_tied(tmp_path: Path) -> None:
    init = "self.a = nn.Linear(3, 3)\n        self.b = nn.Linear(3, 3)\n        self.b.weight = self.a.weight"
    text = exported(net_of(tmp_path, module_class(init, "return self.b(self.a(x))")))
    assert "        self.b.weight = self.a.weight\n" in text
