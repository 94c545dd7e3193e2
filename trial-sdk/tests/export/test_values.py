"""Values as expressions."""

from __future__ import annotations

import enum
import functools
from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from nas_trial.export.layout import flat
from nas_trial.export.values import NoExpressionError, express
from torch import nn

Pair = namedtuple("Pair", "a b")


class Mode(enum.Enum):
    FAST = 1


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Config:
    width: int
    names: tuple[str, ...] = ()


def double(x):
    return 2 * x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        (float("inf"), 'float("inf")'),
        ("text", '"text"'),
        ((1, "a", None), '(1, "a", None)'),
        ((1,), "(1,)"),
        ([1, [2]], "[1, [2]]"),
        ({"a": (1, 2), 3: []}, '{"a": (1, 2), 3: []}'),
        ({3, 1}, "{1, 3}"),
        (set(), "set()"),
        (frozenset({1}), "frozenset([1])"),
        (range(3), "range(0, 3)"),
        (torch.float16, "torch.float16"),
        (torch.device("cpu"), 'torch.device("cpu")'),
        (torch.Size([1, 2]), "(1, 2)"),
        (torch.tensor([1, 2]), "torch.tensor([1, 2], dtype=torch.int64)"),
        (Mode.FAST, "Mode.FAST"),
        (Level.HIGH, "Level.HIGH"),
        (Pair(1, 2), "Pair(a=1, b=2)"),
        (Config(4, ("x",)), 'Config(width=4, names=("x",))'),
        (double, "double"),
        (functools.partial(double, x=3), "partial(double, x=3)"),
        (nn.ReLU, "ReLU"),
    ],
)
def test_a_value_is_written_as_python_reads_it(value: object, text: str) -> None:
    assert flat(express(value, lambda found: found.__name__)) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (lambda x: x, "a lambda"),
        (torch.zeros(1000), "1000 numbers"),
        (torch.tensor(float("nan")), "not finite"),
        (nn.Parameter(torch.zeros(2)), "takes a gradient"),
        ([nn.ReLU()], "not registered"),
        (object(), "of the class object"),
    ],
)
def test_a_value_without_expression_is_refused_by_kind(value: object, reason: str) -> None:
    with pytest.raises(NoExpressionError, match=reason):
        express(value, lambda found: found.__name__)
