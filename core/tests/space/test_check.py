"""What is refused when a space is made."""

from __future__ import annotations

import pytest
from nascore.errors import SpaceError
from nascore.space import Candidate, Group, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.testing import choice

A, B = Candidate("a"), Candidate("b")

FAULTS = [
    (OneOf("x", ()), "has no candidates"),
    (OneOf("x", (A, A)), "'a' appears twice"),
    (OneOf("x", (Candidate("a", search_only=True),)), "only candidates for search only"),
    (OneOf("x", (Candidate(""),)), "the key has 0 characters"),
    (OneOf("x", (Candidate("k" * 257),)), "the key has 257 characters; write 1 to 256"),
    (OneOf("x", (Candidate("\ud800"),)), "lone surrogate"),
    (OneOf("x", (Candidate(3),)), "the key 3 is not text"),
    (OneOf("x", (Candidate("a", 2**63),)), "does not fit 64 bits"),
    (OneOf("x", (Candidate("a", float("nan")),)), "not a finite number"),
    (OneOf("x", (Candidate("a", (1,)),)), "neither a truth value"),
    (OneOf("x", (Candidate("a", "t" * 4097),)), "at most|write 0 to 4096"),
    (OneOf("x", (Candidate("a", search_only=1), B)), "search_only must be a truth value"),
    (OneOf("x", [A]), "candidates must be a tuple, got list"),
    (OneOf("x", ("a",)), "'a' is not a Candidate"),
    (SomeOf("x", (A, B), 2, 1), "min_chosen 2 is above max_chosen 1"),
    (SomeOf("x", (A, B), 0, 3), "up to 3 of 2 candidates"),
    (SomeOf("x", (A, Candidate("b", search_only=True)), 0, 2), "up to 2 of 1 candidates"),
    (SomeOf("x", (Candidate("b", search_only=True),), 1, 1, with_replacement=True), "up to 1 of 0 candidates"),
    (SomeOf("x", (A,), -1, 1), "min_chosen is -1; it must be from 0"),
    (SomeOf("x", (A,), 0, 513, with_replacement=True), "from 0 to 512"),
    (SomeOf("x", (A,), True, 1), "min_chosen must be an integer, got True"),
    (SomeOf("x", (A,), 0, 1, ordered="no"), "ordered must be a truth value, got 'no'"),
    (Integer("x", 3, 2), "low 3 is above high 2; swap them"),
    (Integer("x", 1, 2, step=0), "step is 0"),
    (Integer("x", 0, 2, log=True), "low is 0, but a log range must begin above 0"),
    (Integer("x", 0, 2**63), "high: the integer 9223372036854775808 does not fit 64 bits"),
    (Integer("x", 0.5, 2), "low must be an integer, got 0.5"),
    (Real("x", 1.0, 0.0), "low 1.0 is above high 0.0"),
    (Real("x", -1.0, 1.0, log=True), "a log range must begin above 0"),
    (Real("x", float("-inf"), 0.0), "low must be a finite number, got -inf"),
    (Real("x", 0.0, 10**400), "high must be a finite number"),
    (Repeat("x", (), -1, 2), "min_count is -1"),
    (Repeat("x", (), 0, 1001), "max_count is 1001; it must be from 0 to 1000"),
    (Repeat("x", (), 3, 2), "min_count 3 is above max_count 2"),
    (Group("x", [choice("y", "a")]), "must hold a tuple of nodes, got list"),
    (Group("x", ("y",)), "'y' is not a node"),
]


@pytest.mark.parametrize(("node", "fault"), FAULTS)
def test_faulty_node_is_refused_with_its_place(node, fault):
    with pytest.raises(SpaceError, match=fault) as caught:
        SearchSpace((Group("outer", (node,)),))
    assert caught.value.violations[0].field == "outer/x"


@pytest.mark.parametrize(("label", "fault"), [("", "0 characters"), ("l" * 257, "257 characters"), (7, "not text")])
def test_faulty_label_is_refused(label, fault):
    with pytest.raises(SpaceError, match=fault):
        SearchSpace((Group(label, ()),))


def test_what_is_no_tuple_of_nodes_is_refused():
    with pytest.raises(SpaceError, match="must hold a tuple of nodes, got OneOf"):
        SearchSpace(choice("x", "a"))


def nested(depth):
    node = Group("leaf", ())
    for index in range(depth - 1):
        node = Group(f"g{index}", (node,))
    return node


def test_depth_is_limited():
    assert SearchSpace((nested(30),)).size().low == 1
    with pytest.raises(SpaceError, match="nested more than 30 deep"):
        SearchSpace((nested(31),))
    with pytest.raises(SpaceError, match="nested more than 30 deep"):
        SearchSpace((nested(900),))


def test_number_of_nodes_is_limited():
    with pytest.raises(SpaceError, match="20,001 nodes; at most 20,000"):
        SearchSpace(tuple(Group(str(index), ()) for index in range(20_001)))


def test_shared_objects_are_counted_as_often_as_they_are_used_without_walking_them_as_often():
    node = Group("g0", ())
    for index in range(1, 29):
        node = Group(f"g{index}", (node, node))
    with pytest.raises(SpaceError, match=r"has 536,870,911 nodes; at most 20,000"):
        SearchSpace((node,))


def test_copies_of_copies_are_limited():
    node = choice("x", "a", "b")
    for index in range(3):
        node = Repeat(f"r{index}", (node,), 0, 1000)
    with pytest.raises(SpaceError, match=r"make 1,001,001,001 decisions; at most 200,000 .* Lower max_count or tie"):
        SearchSpace((node,))


def test_label_with_two_definitions_names_both_places():
    first = OneOf(
        "op", (Candidate("a", children=(Integer("k", 1, 3),)), Candidate("b", children=(Integer("k", 1, 4),)))
    )
    with pytest.raises(SpaceError, match="op/b/k: the label 'k' is used at 'op/a/k' with another definition"):
        SearchSpace((first,))


def test_literals_of_other_types_are_other_definitions():
    nodes = (OneOf("k", (Candidate("a", 1),)), Group("g", (OneOf("k", (Candidate("a", 1.0),)),)))
    with pytest.raises(SpaceError, match="used at 'k' with another definition"):
        SearchSpace(nodes)


def test_label_inside_itself_is_another_definition():
    with pytest.raises(SpaceError, match="g/g: the label 'g' is used at 'g'"):
        SearchSpace((Group("g", (Group("g", ()),)),))
