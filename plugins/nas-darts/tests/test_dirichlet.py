"""Dirichlet draws have the right mean, and their pathwise gradient is the derivative of what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from nas_darts.dirichlet import (
    digamma,
    dirichlet_backward,
    divergence_slope,
    draw_dirichlet,
    gamma_slope,
    trigamma,
)
from nas_darts.segments import Segments

SHAPES = np.array([0.02, 0.3, 0.9, 1.0, 2.7, 9.0])


def test_digamma_and_trigamma_are_derivatives_of_the_logarithm_of_gamma() -> None:
    step = 1e-4
    around = [[math.lgamma(shape + move) for move in (-step, 0.0, step)] for shape in SHAPES]
    first = [(high - low) / (2 * step) for low, _, high in around]
    np.testing.assert_allclose(digamma(SHAPES), first, rtol=1e-4)
    np.testing.assert_allclose(digamma(np.array([1.0, 0.5])), [-0.5772156649015329, -1.9635100260214235], rtol=1e-12)
    np.testing.assert_allclose(trigamma(np.array([1.0, 0.5])), [math.pi**2 / 6, math.pi**2 / 2], rtol=1e-12)


def distribution(shape: float, draw: float) -> float:
    """The regularised lower incomplete gamma function, by its series."""
    term = total = 1.0 / shape
    for n in range(1, 600):
        term *= draw / (shape + n)
        total += term
    return total * math.exp(-draw + shape * math.log(draw) - math.lgamma(shape))


def density(shape: float, draw: float) -> float:
    return math.exp(-draw + (shape - 1.0) * math.log(draw) - math.lgamma(shape))


# Not so far out that a finite difference of the distribution would be rounding errors only.
DRAWS = [1e-6, 0.01, 0.5, 1.0, 3.0, 4.5, 9.0]
PAIRS = [(shape, draw) for shape in SHAPES for draw in DRAWS if density(shape, draw) > 1e-6]


@pytest.mark.parametrize(("shape", "draw"), PAIRS)
def test_slope_of_a_gamma_draw_is_that_of_its_quantile(shape: float, draw: float) -> None:
    step = 1e-5
    moved = (distribution(shape + step, draw) - distribution(shape - step, draw)) / (2 * step)
    (slope,) = gamma_slope(np.array([shape]), np.array([draw]))
    assert slope == pytest.approx(-moved / density(shape, draw), rel=2e-4)


@pytest.mark.parametrize("shape", [0.5, 1.0, 3.0])
def test_series_and_tail_agree_where_they_meet(shape: float) -> None:
    border = shape + 3.0
    low, high = gamma_slope(np.array([shape, shape]), np.array([border - 1e-9, border + 1e-9]))
    assert low == pytest.approx(high, rel=1e-6)


def test_slopes_are_finite_and_positive_far_out() -> None:
    shapes, draws = np.meshgrid([1e-3, 0.1, 1.0, 5.0, 50.0], [1e-30, 1e-3, 1.0, 60.0, 200.0])
    slopes = gamma_slope(shapes.ravel(), draws.ravel())
    assert np.all(np.isfinite(slopes))
    assert np.all(slopes >= 0)


SEGMENTS = Segments([3, 2])
CONCENTRATION = np.array([0.4, 1.0, 2.6, 1.5, 0.5])
KEPT = np.ones(5)


def test_mean_of_draws_is_the_concentration_divided_by_its_sum() -> None:
    generator = np.random.default_rng(0)
    draws = [draw_dirichlet(SEGMENTS, CONCENTRATION, is_kept=KEPT, generator=generator)[0] for _ in range(4000)]
    np.testing.assert_allclose(np.mean(draws, axis=0), [0.1, 0.25, 0.65, 0.75, 0.25], atol=0.02)
    np.testing.assert_allclose(SEGMENTS.sums(draws[0]), 1.0)


def test_pathwise_gradient_is_unbiased_on_a_linear_and_a_quadratic_loss() -> None:
    # E[theta_i] = c_i / C; E[theta_i^2] = c_i (c_i + 1) / (C (C + 1)), both with known derivatives.
    generator = np.random.default_rng(1)
    linear, quadratic = np.array([1.0, -2.0, 0.5, 3.0, -1.0]), np.array([0.3, 1.0, -1.0, 2.0, 0.5])
    found = []
    for _ in range(20_000):
        theta, draws = draw_dirichlet(SEGMENTS, CONCENTRATION, is_kept=KEPT, generator=generator)
        gradient = linear + 2 * quadratic * theta
        found.append(dirichlet_backward(SEGMENTS, CONCENTRATION, draws=draws, is_kept=KEPT, gradient=gradient))

    def expected(concentration: np.ndarray) -> float:
        total = SEGMENTS.sums(concentration)[SEGMENTS.owner]
        second = concentration * (concentration + 1) / (total * (total + 1))
        return float(linear @ (concentration / total) + quadratic @ second)

    exact = [(expected(CONCENTRATION + step) - expected(CONCENTRATION - step)) / 2e-6 for step in 1e-6 * np.eye(5)]
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - exact) < 4.5 * error + 1e-6)
    assert np.all(error < 0.05)


def test_pruned_candidates_get_exactly_nothing() -> None:
    kept = np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    theta, draws = draw_dirichlet(SEGMENTS, CONCENTRATION, is_kept=kept, generator=np.random.default_rng(0))
    slope = dirichlet_backward(SEGMENTS, CONCENTRATION, draws=draws, is_kept=kept, gradient=np.arange(5.0))
    assert theta[1] == slope[1] == 0.0
    np.testing.assert_allclose(SEGMENTS.sums(theta), 1.0)


def test_slope_of_the_divergence_from_flat_is_its_derivative() -> None:
    def divergence(c: np.ndarray) -> float:
        total = float(c.sum())
        flat = math.lgamma(len(c))
        return (
            math.lgamma(total)
            - sum(map(math.lgamma, c))
            - flat
            + float((c - 1.0) @ (digamma(c) - digamma(np.array([total]))))
        )

    segments, c = Segments([3]), np.array([0.4, 1.0, 2.6])
    exact = [(divergence(c + step) - divergence(c - step)) / 2e-6 for step in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(divergence_slope(segments, c, is_kept=np.ones(3)), exact, atol=1e-6)
