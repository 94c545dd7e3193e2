"""docs/fault-kit.md names the failpoints that there are, and no others."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from nascore.failpoints import arm

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [*(ROOT / "core" / "src").rglob("*.py"), *(ROOT / "trial-sdk" / "src").rglob("*.py")]
SOURCES += (ROOT / "plugins").glob("*/src/**/*.py")
ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| ((?:server|tuner host|worker|store of weights): .+) \|$", re.MULTILINE)
VARIABLE_PART = "step"
"""The one variable part that a name may have: a parameter with a default, whose values are given as a keyword."""


@cache
def trees():
    return [
        ast.parse(path.read_text()) for path in SOURCES if "failpoint" in (text := path.read_text()) or "step=" in text
    ]


def named(argument, steps):
    if isinstance(argument, ast.Constant):
        return {argument.value}
    (literal, variable) = argument.values
    assert variable.value.id == VARIABLE_PART, ast.unparse(argument)
    return {literal.value + step for step in steps}


def steps_of(tree):
    """Values of the parameter ``step``: what calls give, and its default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (word.value.value for word in node.keywords if is_step(word))
        if isinstance(node, ast.FunctionDef):
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from (value.value for name, value in pairs if name.arg == VARIABLE_PART and is_text(value))


def is_step(word):
    return word.arg == VARIABLE_PART and is_text(word.value)


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@cache
def in_source():
    names = set()
    steps = {step for tree in trees() for step in steps_of(tree)}
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "failpoint":
                names |= named(node.args[0], steps)
    return names


def in_document():
    return [name for name, _ in ROW.findall((ROOT / "docs" / "fault-kit.md").read_text())]


def test_every_failpoint_of_the_source_is_in_the_document():
    assert in_source() - set(in_document()) == set(), "add a row to docs/fault-kit.md"


def test_every_failpoint_of_the_document_is_in_the_source():
    assert set(in_document()) - in_source() == set(), "remove its row from docs/fault-kit.md"
    assert sorted(set(in_document())) == sorted(in_document())


@pytest.mark.parametrize("name", in_document())
def test_a_documented_failpoint_can_be_armed(name):
    arm(f"{name}=kill@1")
    arm("")
