"""Mixtures by themselves."""

from __future__ import annotations

import pytest
from nascore.errors import ArchitectureError
from nascore.space import MixedDecision, Mixture


@pytest.mark.parametrize(
    ("weights", "graded", "fault"),
    [
        ((), (), "op: has no weights"),
        ((0.5, float("nan")), (), "op: weight 1 is nan"),
        ((0.5, 0.5), (1, 0), "ascending indices below 2"),
        ((0.5, 0.5), (0, 0), "ascending indices below 2"),
        ((0.5, 0.5), (2,), "ascending indices below 2"),
        ((0.5, 0.5), (-1,), "ascending indices below 2"),
    ],
)
def test_faulty_decision_is_refused(weights, graded, fault):
    with pytest.raises(ArchitectureError, match=fault):
        MixedDecision("op", weights, graded)


def test_decisions_are_sorted_and_each_path_comes_once():
    first, second = MixedDecision("b", (1.0,)), MixedDecision("a", (0.25, 0.75), (1,))
    assert Mixture((first, second)).decisions == (second, first)
    with pytest.raises(ArchitectureError, match="weights for 'a' twice"):
        Mixture((second, second))
