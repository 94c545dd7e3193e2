"""Evaluation of constraints, against vectors that other languages read as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from nascore.space import Constraint, DecisionValue, LiteralValue, Operation, Operator
from nascore.space.constraint import ABSENT, UNDEFINED, evaluate, is_satisfied, paths_in
from nascore.space.expression_messages import read_expression, read_literal
from nascore.v1 import space_pb2 as pb

VECTORS = json.loads((Path(__file__).parents[3] / "protos" / "examples" / "constraints.json").read_text())["vectors"]


def literal(document):
    found = []
    value = read_literal(json_format.ParseDict(document, pb.Literal()), "", found)
    assert not found
    return value


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_golden_vector(vector):
    found = []
    expression = read_expression(json_format.ParseDict(vector["expression"], pb.Expression()), "", found)
    decisions = {path: literal(value) for path, value in vector["decisions"].items()}
    result = evaluate(expression, lambda path: decisions.get(path, ABSENT))
    special = {"ABSENT": ABSENT, "UNDEFINED": UNDEFINED}
    expected = (
        special[vector["result"]["special"]] if "special" in vector["result"] else literal(vector["result"]["literal"])
    )
    assert not found
    assert (type(result), result) == (type(expected), expected)


def test_vectors_cover_every_operator():
    text = json.dumps(VECTORS)
    assert all(f'"OPERATOR_{operator}"' in text for operator in Operator)


@pytest.mark.parametrize(
    ("result", "satisfied"), [(True, True), (ABSENT, True), (False, False), (UNDEFINED, False), (1, False)]
)
def test_only_true_and_absent_satisfy(result, satisfied):
    assert is_satisfied(Constraint("c", DecisionValue("x")), lambda path: result) is satisfied


def test_paths_in_an_expression_are_collected():
    inner = Operation(Operator.ADD, (DecisionValue("b"), LiteralValue(1), DecisionValue("a")))
    assert paths_in(Operation(Operator.LESS, (inner, DecisionValue("c")))) == {"a", "b", "c"}
