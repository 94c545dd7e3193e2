"""Parameters that are active together form a group, known before the first trial."""

from __future__ import annotations

import pytest
from nas_optuna.table import table_of, why_unwritable
from nascore.errors import UnsupportedError
from nascore.space import Candidate, Integer, OneOf, Real, Repeat, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice

NESTED = SearchSpace(
    (
        OneOf("op", (Candidate("conv", children=(choice("act", "a", "b"), Integer("k", 1, 3))), Candidate("skip"))),
        choice("fixed", "only"),
        Real("rate", 0, 1),
    )
)


def test_numbers_that_optuna_cannot_hold_are_refused_by_name() -> None:
    big, wide = SearchSpace((Integer("n", 0, 2**53 + 1),)), SearchSpace((Real("r", -1e308, 1e308),))
    assert "'n' goes beyond 2**53" in why_unwritable(big)
    assert "'r' is wider" in why_unwritable(wide)
    with pytest.raises(UnsupportedError, match="'n' goes beyond"):
        table_of(big)
    assert why_unwritable(SearchSpace((Integer("n", 0, 2**53), Real("r", -1e307, 1e307)))) == ""


def test_decisions_with_one_condition_are_one_group() -> None:
    groups = {str(condition): list(group) for condition, group in table_of(NESTED).groups.items()}
    assert groups == {"None": ["op", "rate"], "op = conv": ["op/conv/act", "op/conv/k"]}


def test_flat_table_has_one_group_of_all() -> None:
    (group,) = table_of(NESTED, is_flat=True).groups.values()
    assert list(group) == ["op", "op/conv/act", "op/conv/k", "rate"]


def test_copies_of_a_repeat_are_groups_of_their_own() -> None:
    stage = Repeat("stage", (choice("act", "a", "b"), Integer("width", 1, 8)), 1, 2)
    groups = table_of(SearchSpace((stage,))).groups
    assert [sorted(group) for group in groups.values()] == [
        ["stage"],
        ["stage[0]/act", "stage[0]/width"],
        ["stage[1]/act", "stage[1]/width"],
    ]


def test_tied_copies_share_their_parameters() -> None:
    tail = Repeat("tail", (choice("act", "a", "b"),), 0, 2, tied=True)
    assert list(table_of(SearchSpace((tail,))).distributions) == ["tail", "tail/act"]


def test_shared_decision_has_one_parameter() -> None:
    assert [name for name in table_of(KNOWN_SPACES["shared"]).distributions if "width" in name] == ["width"]


def test_inactive_decisions_have_no_parameters_unless_the_table_is_flat() -> None:
    skip = NESTED.architecture({"op": "skip", "fixed": "only", "rate": 0.5})
    assert table_of(NESTED).written(skip, {}) == {"op": "skip", "fixed": "only", "rate": 0.5}
    flat = table_of(NESTED, is_flat=True).written(skip, {"op/conv/k": 3})
    assert flat == {"op": "skip", "op/conv/act": "a", "op/conv/k": 3, "fixed": "only", "rate": 0.5}
