"""Probabilities of many small decisions, computed at once, are those of each by itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from nas_darts.segments import Segments, gumbel

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def parts(segments: Segments, flat: np.ndarray) -> list[np.ndarray]:
    return np.split(flat, np.cumsum(segments.sizes)[:-1])


@given(SIZES, st.integers(0, 2**32))
def test_every_segment_is_treated_by_itself(sizes: list[int], seed: int) -> None:
    segments = Segments(sizes)
    flat = np.random.default_rng(seed).normal(0, 300, segments.total)
    for part, softmax, logs in zip(
        *(parts(segments, each) for each in (flat, segments.softmax(flat), segments.log_softmax(flat))), strict=True
    ):
        powers = np.exp(part - part.max())
        np.testing.assert_allclose(softmax, powers / powers.sum(), atol=1e-15)
        np.testing.assert_allclose(np.exp(logs), powers / powers.sum(), atol=1e-14)
    chosen = [int(np.argmax(part)) for part in parts(segments, flat)]
    np.testing.assert_array_equal(segments.first_largest(flat) - segments.starts, chosen)


@given(SIZES, st.integers(0, 2**32))
def test_softmax_backward_is_the_derivative(sizes: list[int], seed: int) -> None:
    segments = Segments(sizes)
    generator = np.random.default_rng(seed)
    alpha, upstream = generator.normal(size=(2, segments.total))
    exact = segments.softmax_backward(segments.softmax(alpha), upstream)
    for place in range(segments.total):
        step = np.zeros(segments.total)
        step[place] = 1e-6
        both = (segments.softmax(alpha + step) - segments.softmax(alpha - step)) @ upstream / 2e-6
        assert abs(both - exact[place]) < 1e-8


def test_of_equals_the_first_is_the_largest() -> None:
    segments = Segments([3, 1, 2])
    np.testing.assert_array_equal(segments.first_largest(np.array([1.0, 2.0, 2.0, 7.0, 0.0, 0.0])), [1, 3, 4])


def test_no_decisions_are_no_trouble() -> None:
    empty = Segments([])
    assert empty.softmax(np.zeros(0)).shape == empty.sums(np.zeros(0)).shape == (0,)
    assert len(empty.first_largest(np.zeros(0))) == 0


def test_entropy_is_largest_where_nothing_is_decided() -> None:
    segments = Segments([4, 2])
    np.testing.assert_allclose(segments.entropy(np.array([0.25] * 4 + [1.0, 0.0])), [np.log(4), 0.0])


def test_largest_of_logits_with_gumbel_noise_is_a_draw_from_the_softmax() -> None:
    segments, generator = Segments([3]), np.random.default_rng(1)
    alpha = np.array([0.5, -1.0, 1.0])
    drawn = [int(segments.first_largest(alpha + gumbel(generator, 3))[0]) for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(drawn) / 4000, segments.softmax(alpha), atol=0.025)
