"""ProxylessNAS, the gradient form: Cai, Zhu and Han 2019, arXiv:1812.00332, after the released code.

A sample takes one candidate a decision (a binary gate). With ``full`` the gates of all candidates are graded, and
d alpha_i = sum_j g_j p_j (delta_ij - p_i). With ``two-path`` only two candidates are drawn, without replacement, one of
which runs; their probabilities are renormalised, both are updated, and then shifted together so that the probability of
the pair is what it was: nothing was learnt about the others.

Weights are trained alone first, 40 epochs of 160 as published, unless the schedule warms up already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from nascore.tuner import Schedule, Setup
from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array, Flags, Segments, gumbel
from nas_darts.settings import MixtureSettings


class ProxylessSettings(MixtureSettings):
    """Settings of ProxylessNAS; the defaults are the published ones."""

    published_rate: ClassVar[float] = 1e-3

    beta1: float = Field(0.0, ge=0, lt=1, description="Adam's decay of the mean gradient.")
    weight_decay: float = Field(0.0, ge=0, description="Adam's L2 decay of architecture parameters.")
    gradient_every: int = Field(5, ge=1, description="An architecture step with every so many weight steps.")
    frozen_share: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Share of the search epochs without architecture steps (40 of 160); 0 if the schedule warms up.",
    )
    paths: Literal["full", "two-path"] = Field(
        "full", description="Grade the gates of all candidates, or of two, which costs the memory of two."
    )


class Proxyless(MixtureTuner[ProxylessSettings]):
    """Runs one sampled candidate a decision, and learns from the gates."""

    name = "proxyless"
    summary = "Binary gates: one sampled path, gradient of all gates or of two, with latency (Cai et al. 2019)."
    settings_type = ProxylessSettings

    def __init__(self, setup: Setup, settings: ProxylessSettings) -> None:
        super().__init__(setup, settings)
        self._touched = np.zeros(self._layout.mixed.total, dtype=bool)

    def _frozen_share(self, schedule: Schedule) -> float:
        return 0.0 if schedule.warmup_epochs else self.settings.frozen_share

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        segments = self._layout.mixed
        perturbed = segments.log_softmax(self._alpha) + gumbel(chance.generator, segments.total)
        is_pair = np.ones(segments.total, dtype=bool)
        if self.settings.paths == "two-path":
            is_pair = drawn_pairs(segments, perturbed)
            # Which of the two runs is a draw of its own; the order in which they were drawn favours the likelier one.
            again = np.where(is_pair, self._alpha + gumbel(chance.generator, segments.total), -np.inf)
            perturbed = again
        hard = segments.one_hot(segments.first_largest(perturbed))
        hard = self._layout.with_gates_open(hard, perturbed)
        return Draw(hard, is_pair, (is_pair.astype(float),))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        is_pair = draw.memory[0] > 0
        self._touched = self._touched | is_pair
        return pair_backward(self._layout.mixed, self._alpha, is_pair=is_pair, gradient=gradient)

    def _stepped(self, gradient: Array) -> Array:
        before, after = self._alpha, super()._stepped(gradient)
        touched, self._touched = self._touched, np.zeros_like(self._touched)
        if self.settings.paths == "full":
            return after
        return with_mass_kept(self._layout.mixed, before, after, is_touched=touched)

    def _own_state(self) -> dict[str, list[float]]:
        return {"touched": self._touched.astype(float).tolist()}

    def _take_own_state(self, own: Mapping[str, list[float]]) -> None:
        self._touched = np.array(own["touched"]) > 0


def drawn_pairs(segments: Segments, perturbed: Array) -> Flags:
    """Return, flat, the two largest of each segment; with Gumbel noise that draws two without replacement."""
    first = segments.first_largest(perturbed)
    rest = perturbed.copy()
    rest[first] = -np.inf
    is_pair = np.zeros(segments.total, dtype=bool)
    is_pair[first] = True
    # Of a segment with a single candidate the second is the first again.
    is_pair[segments.first_largest(rest)] = True
    return is_pair


def pair_backward(segments: Segments, alpha: Array, *, is_pair: Flags, gradient: Array) -> Array:
    """Return sum_j g_j q_j (delta_ij - q_i), with q the softmax over the candidates that take part."""
    shares = segments.softmax(np.where(is_pair, alpha, -np.inf))
    return segments.softmax_backward(shares, np.where(is_pair, gradient, 0.0))


def with_mass_kept(segments: Segments, before: Array, after: Array, *, is_touched: Flags) -> Array:
    """Shift the touched parameters of each segment together, so that sum exp over them is what it was."""

    def mass(alpha: Array) -> Array:
        kept = np.where(is_touched, alpha, -np.inf)
        largest = segments.maxima(kept)
        safe = np.where(np.isfinite(largest), largest, 0.0)
        return safe + np.log(np.maximum(segments.sums(np.exp(kept - safe[segments.owner])), 1e-300))

    shift = (mass(after) - mass(before))[segments.owner]
    return np.where(is_touched, after - shift, after)
