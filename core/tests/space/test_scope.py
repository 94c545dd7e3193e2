"""Where shared decisions live."""

from __future__ import annotations

import pytest
from nascore.space import Candidate, Group, Integer, OneOf, Repeat, SearchSpace, SomeOf
from nascore.testing import KNOWN_SPACES, choice


def paths(*nodes):
    return [row.path for row in SearchSpace(nodes).decisions]


def options(label, *children):
    """A OneOf whose candidates a, b, ... have the given children."""
    return OneOf(label, tuple(Candidate(key, children=each) for key, each in zip("abcdef", children, strict=False)))


SHARED = Integer("s", 1, 2)


def test_label_used_once_stays_where_it_is():
    assert paths(options("op", (SHARED,), ())) == ["op", "op/a/s"]


def test_label_of_two_candidates_moves_to_the_root():
    assert paths(options("op", (SHARED,), (SHARED,))) == ["op", "s"]


def test_label_stays_below_the_candidate_that_contains_all_uses():
    inner = options("inner", (SHARED,), (SHARED,))
    assert paths(options("op", (inner,), ())) == ["op", "op/a/inner", "op/a/s"]


def test_use_at_the_root_takes_the_decision_there():
    assert paths(options("op", (SHARED,), ()), SHARED) == ["op", "s"]


def test_label_twice_in_a_group_belongs_to_the_group():
    assert paths(Group("g", (Group("h", (SHARED,)), SHARED))) == ["g/s"]


def test_label_twice_in_a_free_repeat_is_decided_by_each_copy():
    body = (options("op", (SHARED,), (SHARED,)),)
    assert paths(Repeat("r", body, 1, 2)) == ["r", "r[0]/op", "r[0]/s", "r[1]/op", "r[1]/s"]


def test_label_inside_and_outside_a_free_repeat_is_decided_once():
    assert paths(Repeat("r", (SHARED,), 1, 2), SHARED) == ["r", "s"]


def test_label_of_two_repeats_is_decided_once():
    assert paths(Repeat("r", (SHARED,), 1, 2), Repeat("t", (SHARED,), 0, 1, tied=True)) == ["r", "s", "t"]


def test_tied_repeat_has_one_path_for_all_copies():
    assert paths(Repeat("r", (SHARED,), 0, 3, tied=True)) == ["r", "r/s"]


def test_what_lies_inside_a_shared_choice_moves_with_it():
    shared = options("op", (Integer("k", 1, 3),), ())
    assert paths(Group("g", (shared,)), Group("h", (shared,))) == ["op", "op/a/k"]


def test_label_inside_and_beside_a_shared_choice_moves_above_both():
    shared = options("inner", (SHARED,), ())
    outer = options("outer", (shared,), (shared, SHARED), ())
    assert paths(Group("g", (outer,))) == ["g/inner", "g/outer", "g/s"]


def test_label_of_one_candidate_of_a_some_of_stays_there():
    some = SomeOf("some", (Candidate("a", children=(SHARED,)), Candidate("b")), 0, 2)
    assert paths(some) == ["some", "some/a/s"]


def test_same_node_twice_in_a_row_is_one_decision():
    assert paths(SHARED, SHARED) == ["s"]


def test_shared_decision_is_active_whenever_its_home_is():
    space = SearchSpace((options("op", (SHARED,), (SHARED,), ()),))
    assert space.validate({"op": "c", "s": 1}) == ()
    assert [str(each) for each in space.validate({"op": "c"})] == ["s: is missing: it is active, so give it a value"]


def test_group_and_repeat_may_be_shared():
    group = Group("g", (choice("x", "a", "b"),))
    repeat = Repeat("r", (choice("y", "a", "b"),), 1, 2)
    assert paths(options("op", (group, repeat), (group,), (repeat,))) == ["g/x", "op", "r", "r[0]/y", "r[1]/y"]


@pytest.mark.parametrize(("name", "size"), [("shared", 16), ("nested", 1500), ("repeats", 6 * 5 + 36 * 5 + 216 * 5)])
def test_sizes_of_known_spaces_are_what_a_person_counts(name, size):
    assert KNOWN_SPACES[name].size().low == size
