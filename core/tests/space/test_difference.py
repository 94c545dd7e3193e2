"""Readable differences."""

from __future__ import annotations

import pytest
from nascore.space import (
    Candidate,
    Constraint,
    Group,
    Integer,
    OneOf,
    Operator,
    Repeat,
    SearchSpace,
)
from nascore.testing import choice, compared

BEFORE = SearchSpace(
    (
        OneOf("op", (Candidate("conv", 1, (Integer("k", 1, 5),)), Candidate("pool"))),
        Group("g", (choice("x", "a"), choice("y", "a"))),
        Repeat("d", (choice("act", "a"),), 1, 2),
    )
)


def changed(*nodes):
    return SearchSpace(nodes + BEFORE.nodes[len(nodes) :])


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (changed(OneOf("op", (BEFORE.nodes[0].candidates[0],))), "op: candidate 'pool' removed"),
        (changed(OneOf("op", (*BEFORE.nodes[0].candidates, Candidate("new")))), "op: candidate 'new' added"),
        (
            changed(OneOf("op", (Candidate("conv", 1, (Integer("k", 1, 7),)), Candidate("pool")))),
            "op/conv/k: high 5 became 7",
        ),
        (
            changed(OneOf("op", (Candidate("conv", 1.0, (Integer("k", 1, 5),)), Candidate("pool")))),
            "op: candidate 'conv': value 1 became 1.0",
        ),
        (
            changed(OneOf("op", (*BEFORE.nodes[0].candidates[:1], Candidate("pool", search_only=True)))),
            "op: candidate 'pool': search_only False became True",
        ),
        (
            changed(OneOf("op", BEFORE.nodes[0].candidates[::-1])),
            "op: the order of its candidates changed from ['conv', 'pool'] to ['pool', 'conv']",
        ),
        (changed(Integer("op", 1, 2)), "op: OneOf became Integer"),
        (changed(BEFORE.nodes[0], Group("g", (choice("x", "a"),))), "g/y: removed (OneOf)"),
        (SearchSpace((*BEFORE.nodes, Integer("n", 1, 2))), "n: added (Integer)"),
        (SearchSpace((*BEFORE.nodes, BEFORE.nodes[2])), "d: written 1 times became 2 times"),
        (SearchSpace(BEFORE.nodes[::-1]), "the space: the order of its nodes changed from"),
    ],
)
def test_change_is_said_in_one_line(after, line):
    lines = BEFORE.diff(after)
    assert len(lines) == 1
    assert lines[0].startswith(line)
    assert after.diff(BEFORE) != ()


def test_same_spaces_do_not_differ():
    assert BEFORE.diff(SearchSpace.from_json(BEFORE.to_json())) == ()


def test_constraints_are_compared_by_name():
    def limited(**limits):
        return SearchSpace(
            BEFORE.nodes,
            tuple(Constraint(name, compared("d", Operator.LESS, limit)) for name, limit in limits.items()),
        )

    assert limited(a=2, b=2).diff(limited(b=3, c=2)) == (
        "constraint 'a': removed",
        "constraint 'c': added",
        "constraint 'b': changed",
    )
