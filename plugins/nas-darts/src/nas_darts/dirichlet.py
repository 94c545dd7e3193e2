"""Gamma and Dirichlet draws with their pathwise gradients, in NumPy.

A Dirichlet draw is Gamma draws divided by their sum, and a Gamma draw z of shape a moves with a by implicit
reparameterisation (Figurnov, Mohamed and Mnih 2018, arXiv:1805.08498): dz/da = -(dF/da) / f, with F the distribution
function and f the density at z. F's derivative is a series where z is small and an integral over the tail where it is
large; neither loses digits there. Also digamma and trigamma, which NumPy lacks.
"""

from __future__ import annotations

import numpy as np

from nas_darts.segments import Array, Segments

_TERMS = 60
_TAIL_FROM = 3.0
_NODES, _NODE_WEIGHTS = np.polynomial.laguerre.laggauss(64)
_LIFT = 8
_SMALLEST = 1e-30


def digamma(x: Array) -> Array:
    """Return the derivative of ln Gamma for x above 0; error below 1e-12."""
    steps = np.arange(_LIFT)
    lifted = x + _LIFT
    inverse = 1.0 / lifted**2
    series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse * (1 / 240 - inverse / 132))))
    below: Array = np.sum(1.0 / (x[..., None] + steps), axis=-1)
    return np.log(lifted) - 0.5 / lifted - series - below


def trigamma(x: Array) -> Array:
    """Return the second derivative of ln Gamma for x above 0; error below 1e-11."""
    steps = np.arange(_LIFT)
    lifted = x + _LIFT
    inverse = 1.0 / lifted**2
    series = 1 / 6 - inverse * (1 / 30 - inverse * (1 / 42 - inverse * (1 / 30 - inverse * (5 / 66))))
    below: Array = np.sum(1.0 / (x[..., None] + steps) ** 2, axis=-1)
    return 1.0 / lifted + 0.5 * inverse + series * inverse / lifted + below


def gamma_slope(shape: Array, draw: Array) -> Array:
    """Return dz/da of Gamma draws z of shape a (scale 1), elementwise; both above 0."""
    is_tail = draw > shape + _TAIL_FROM
    slope = np.empty_like(draw)
    slope[~is_tail] = _by_series(shape[~is_tail], draw[~is_tail])
    slope[is_tail] = _by_tail(shape[is_tail], draw[is_tail])
    return slope


def _by_series(shape: Array, draw: Array) -> Array:
    """Minus sum over n of z^(n+1) / (a (a+1) ... (a+n)) (ln z - digamma(a+n+1))."""
    steps = np.arange(_TERMS)
    ratios = draw[:, None] / (shape[:, None] + steps)
    factors = np.cumprod(ratios, axis=1)
    digammas = digamma(shape)[:, None] + np.cumsum(1.0 / (shape[:, None] + steps), axis=1)
    slope: Array = np.sum(factors * (digammas - np.log(draw)[:, None]), axis=1)
    return slope


def _by_tail(shape: Array, draw: Array) -> Array:
    """The integral over s from 0 of e^-s ((z + s) / z)^(a - 1) (ln(z + s) - digamma(a))."""
    lifted = draw[:, None] + _NODES
    growth = (lifted / draw[:, None]) ** (shape[:, None] - 1.0)
    return np.asarray((growth * (np.log(lifted) - digamma(shape)[:, None])) @ _NODE_WEIGHTS)


def draw_dirichlet(
    segments: Segments, concentration: Array, *, is_kept: Array, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Draw weights of each segment from a Dirichlet distribution.

    Args:
        segments: The segments.
        concentration: Flat, above 0.
        is_kept: Flat, 1 for what takes part and 0 for what is pruned, whose weight is exactly 0.
        generator: The only source of randomness.

    Returns:
        The weights and the Gamma draws they were made of, flat.
    """
    draws = np.maximum(generator.standard_gamma(concentration), _SMALLEST) * is_kept
    return draws / segments.sums(draws)[segments.owner], draws


def dirichlet_backward(
    segments: Segments, concentration: Array, *, draws: Array, is_kept: Array, gradient: Array
) -> Array:
    """Return the gradient with respect to the concentrations, from that with respect to the weights of one draw."""
    total = segments.sums(draws)[segments.owner]
    centred = gradient - segments.sums(draws / total * gradient)[segments.owner]
    slope = gamma_slope(concentration, np.maximum(draws, _SMALLEST))
    return is_kept * centred / total * slope


def divergence_slope(segments: Segments, concentration: Array, *, is_kept: Array) -> Array:
    """Return the gradient of KL(Dirichlet(c) | Dirichlet(1)), summed over segments, with respect to c."""
    kept = concentration * is_kept
    total = segments.sums(kept)[segments.owner]
    excess = segments.sums(kept - is_kept)[segments.owner]
    return is_kept * ((concentration - 1.0) * trigamma(concentration) - excess * trigamma(total))
