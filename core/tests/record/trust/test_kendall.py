"""Kendall's tau-b against worked examples and against its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.record.trust import kendall_tau


@pytest.mark.parametrize(
    ("first", "second", "tau"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        # The example of scipy.stats.kendalltau's documentation, with ties in both.
        ([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], -0.4714045207910316),
        ([1, 2, 3, 4, 5], [3, 1, 2, 5, 4], 0.4),
        ([1, 1, 2, 2], [1, 2, 1, 2], 0.0),
    ],
)
def test_known_values(first: list[float], second: list[float], tau: float) -> None:
    assert kendall_tau(first, second) == pytest.approx(tau)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [1]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [2, 2, 2])])
def test_scores_that_rank_nothing_have_none(first: list[float], second: list[float]) -> None:
    assert kendall_tau(first, second) is None


def test_scores_of_different_things_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        kendall_tau([1, 2], [1])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_it_is_symmetric_bounded_and_turns_with_the_order(pairs: list[tuple[int, int]]) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    tau = kendall_tau(first, second)
    assert tau == kendall_tau(second, first)
    if tau is not None:
        assert -1 - 1e-12 <= tau <= 1 + 1e-12
        assert kendall_tau(first, [-value for value in second]) == pytest.approx(-tau)
