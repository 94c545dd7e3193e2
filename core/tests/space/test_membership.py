"""Whether an architecture fits, and reading what people write."""

from __future__ import annotations

import pytest
from nascore.errors import ArchitectureError
from nascore.space import (
    Architecture,
    Candidate,
    Constraint,
    Integer,
    OneOf,
    Operator,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
)
from nascore.testing import compared

KERNEL = OneOf("kernel", (Candidate("k3", 3), Candidate("k5", 5), Candidate("five", 5.0)))
SPACE = SearchSpace(
    (
        OneOf("op", (Candidate("conv", children=(KERNEL,)), Candidate("pool"), Candidate("none", search_only=True))),
        SomeOf("inputs", tuple(map(Candidate, ("out1", "out2", "out3"))), 1, 2),
        SomeOf("order", tuple(map(Candidate, "ab")), 0, 2, ordered=True),
        Integer("width", 8, 32, step=8),
        Real("rate", 0, 1),
        Repeat("depth", (OneOf("act", (Candidate("relu"), Candidate("gelu"))),), 1, 2),
    ),
    (
        Constraint("narrow", compared("width", Operator.LESS, 32)),
        Constraint("few", compared("inputs", Operator.LESS, 2)),
    ),
)
GOOD = {"op": "pool", "inputs": ("out2",), "order": (), "width": 8, "rate": 0.5, "depth": 1, "depth[0]/act": "relu"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"op": "poool"}, "op: 'poool' is not the key of a candidate; choose one of 'conv', 'pool'"),
        ({"op": "none"}, "op: the candidate 'none' is for search only and never part of an architecture"),
        ({"op": ("pool",)}, "op: ('pool',) is not the key"),
        ({"op": "conv"}, "op/conv/kernel: is missing: it is active, so give it a value"),
        ({"op/conv/kernel": "k3"}, "op/conv/kernel: is not active: it needs op = conv; leave it out"),
        ({"depth[1]/act": "relu"}, "depth[1]/act: is not active: it needs depth > 1; leave it out"),
        ({"wdth": 8}, "wdth: the space has no decision at this path; did you mean 'width'"),
        ({"inputs": "out1"}, "inputs: 'out1' is not a tuple of candidate keys"),
        ({"inputs": ("out4",)}, "inputs: 'out4' is not the key"),
        ({"inputs": ()}, "inputs: 0 candidates are chosen; choose 1 to 2"),
        ({"inputs": ("out1", "out1")}, "inputs: ['out1', 'out1'] chooses a candidate twice"),
        (
            {"inputs": ("out2", "out1")},
            "inputs: ['out2', 'out1'] is not in the order of the candidates; write ['out1', 'out2']",
        ),
        ({"width": 12}, "width: the integer 12 is not one of 8 to 32 in steps of 8"),
        ({"width": 8.0}, "width: 8.0 is not an integer"),
        ({"width": True}, "width: True is not an integer"),
        ({"rate": 1}, "rate: 1 is not a real number"),
        ({"rate": 1.5}, "rate: 1.5 is not between 0.0 and 1.0"),
        ({"depth": 3}, "depth: the count 3 is not one of 1 to 2"),
    ],
)
def test_fault_is_named_with_its_path(change, fault):
    violations = [str(each) for each in SPACE.validate(GOOD | change)]
    assert any(each.startswith(fault) for each in violations), violations
    with pytest.raises(ArchitectureError, match="does not fit the space"):
        SPACE.check(GOOD | change)


def test_path_that_is_no_text_is_refused():
    with pytest.raises(ArchitectureError, match="3: a path must be text"):
        SPACE.architecture(GOOD | {3: "x"})


def test_every_fault_is_listed_by_path():
    found = SPACE.validate({"op": "conv", "width": 9, "x": 1})
    assert [each.field for each in found] == ["depth", "inputs", "op/conv/kernel", "order", "rate", "width", "x"]


def test_every_violated_constraint_is_listed():
    found = SPACE.validate(GOOD | {"width": 32, "inputs": ("out1", "out2")})
    assert [str(each) for each in found] == ["violates the constraint 'narrow'", "violates the constraint 'few'"]


def test_people_may_write_literals_lists_and_any_order():
    written = GOOD | {"op": "conv", "op/conv/kernel": 3, "inputs": ["out2"], "order": ["b", "a"], "rate": 1}
    read = SPACE.architecture(written)
    assert read == Architecture(GOOD | {"op": "conv", "op/conv/kernel": "k3", "order": ("b", "a"), "rate": 1.0})
    wide = SearchSpace((SPACE.nodes[1],))
    assert wide.architecture({"inputs": ["out3", "out1"]})["inputs"] == ("out1", "out3")


def test_literal_of_two_candidates_is_told_apart_by_type_or_refused():
    space = SearchSpace((KERNEL, OneOf("same", (Candidate("a", 1), Candidate("b", 1)))))
    read = space.architecture({"kernel": 5.0, "same": "b"})
    assert read["kernel"] == "five"
    with pytest.raises(ArchitectureError, match="same: 1 is not the key of a candidate"):
        space.architecture({"kernel": "k3", "same": 1})


def test_truth_values_are_no_numbers():
    space = SearchSpace((OneOf("x", (Candidate("one", 1), Candidate("zero", 0))),))
    with pytest.raises(ArchitectureError, match="True is not the key"):
        space.architecture({"x": True})


def test_key_wins_over_literal():
    space = SearchSpace((OneOf("x", (Candidate("a", "b"), Candidate("b", "a"))),))
    assert space.architecture({"x": "a"})["x"] == "a"


def test_what_is_not_given_may_take_its_default():
    read = SPACE.architecture({"op": "pool", "width": 16}, with_defaults=True)
    others = {"inputs": ("out1",), "order": (), "rate": 0.0, "depth": 1, "depth[0]/act": "relu"}
    assert dict(read) == {"op": "pool", "width": 16} | others
    with pytest.raises(ArchitectureError, match="is missing"):
        SPACE.architecture({"op": "pool"})
    with pytest.raises(ArchitectureError, match="is not active"):
        SPACE.architecture({"op": "pool", "op/conv/kernel": 3}, with_defaults=True)


def test_values_are_literals_and_keys_where_there_are_none():
    architecture = SPACE.architecture(GOOD | {"op": "conv", "op/conv/kernel": "five"})
    values = SPACE.values(architecture)
    assert values["op/conv/kernel"] == 5.0
    assert values["op"] == "conv"
    assert values["inputs"] == ("out2",)
    assert values["depth"] == 1
