"""DrNAS: Chen et al. 2021, arXiv:2006.10355, after the released code.

Weights are drawn from a Dirichlet distribution with concentrations elu(beta) + 1, and their gradient goes through the
draw. A regulariser keeps the concentrations near 1. With ``is_progressive`` the second half of the search keeps only
the best candidates, and more channels take part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from nascore.tuner import Setup
from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.dirichlet import dirichlet_backward, divergence_slope, draw_dirichlet
from nas_darts.draw import Draw
from nas_darts.layout import Kind
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array
from nas_darts.settings import MixtureSettings


class DrNasSettings(MixtureSettings):
    """Settings of DrNAS; the defaults are the published ones."""

    published_rate: ClassVar[float] = 6e-4

    weight_decay: float = Field(0.0, ge=0, description="Adam's L2 decay; the regulariser is set by itself.")
    regulariser: Literal["l2", "kl"] = Field(
        "l2", description="Keep parameters near 0, or the divergence from the flat Dirichlet distribution small."
    )
    regulariser_scale: float = Field(1e-3, ge=0, description="Weight of the regulariser.")
    is_progressive: bool = Field(False, description="Search in two stages, the second with fewer candidates.")
    second_stage_candidates: int = Field(4, ge=1, description="Candidates of a decision that the second stage keeps.")
    partial_channels: int = Field(
        1, ge=1, description="One of so many channels takes part (6 on CIFAR-10 as published)."
    )
    second_stage_partial_channels: int = Field(
        1, ge=1, description="The same in the second stage (4 on CIFAR-10 as published)."
    )


class DrNas(MixtureTuner[DrNasSettings]):
    """Draws mixture weights from Dirichlet distributions, and learns their concentrations."""

    name = "drnas"
    summary = "Dirichlet mixture weights with pathwise gradients, optionally in two stages (Chen et al. 2021)."
    settings_type = DrNasSettings

    def __init__(self, setup: Setup, settings: DrNasSettings) -> None:
        super().__init__(setup, settings)
        self._is_kept = np.ones(self._layout.mixed.total)

    def _concentration(self) -> Array:
        return np.where(self._alpha > 0, self._alpha + 1.0, np.exp(np.minimum(self._alpha, 0.0)))

    def _concentration_slope(self) -> Array:
        return np.where(self._alpha > 0, 1.0, np.exp(np.minimum(self._alpha, 0.0)))

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        weights, draws = draw_dirichlet(
            self._layout.mixed, self._concentration(), is_kept=self._is_kept, generator=chance.generator
        )
        return Draw(weights, self._is_kept > 0, (draws,))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        by_concentration = dirichlet_backward(
            self._layout.mixed, self._concentration(), draws=draw.memory[0], is_kept=self._is_kept, gradient=gradient
        )
        return by_concentration * self._concentration_slope()

    def _probabilities(self) -> Array:
        """Return the mean of the Dirichlet distribution: concentrations divided by their sum."""
        kept = self._concentration() * self._is_kept
        return kept / self._layout.mixed.sums(kept)[self._layout.mixed.owner]

    def _probabilities_backward(self, upstream: Array) -> Array:
        segments, means = self._layout.mixed, self._probabilities()
        total = segments.sums(self._concentration() * self._is_kept)[segments.owner]
        centred = upstream - segments.sums(means * upstream)[segments.owner]
        return self._is_kept * centred / total * self._concentration_slope()

    def _stepped(self, gradient: Array) -> Array:
        scale = self.settings.regulariser_scale
        if self.settings.regulariser == "l2":
            regular = self._alpha
        else:
            slope = divergence_slope(self._layout.mixed, self._concentration(), is_kept=self._is_kept)
            regular = slope * self._concentration_slope()
        return super()._stepped(gradient + scale * regular)

    def _planned(self) -> list[str]:
        if self._is_second_stage(self._batch) and bool(np.all(self._is_kept)):
            self._prune()
        return super()._planned()

    def _is_second_stage(self, batch: int) -> bool:
        half = self._timetable.schedule.epochs / 2
        return self.settings.is_progressive and self._timetable.epoch(batch) >= half

    def _prune(self) -> None:
        """Keep the best candidates of each choice, one that is not for search only among them."""
        probabilities = self._probabilities()
        for row in self._layout.mixed_rows:
            if row.kind is Kind.CHOICE:
                order = np.argsort(-probabilities[row.entries], kind="stable")
                searched = [place for place in order if row.is_searched[place]]
                kept = {*order[: self.settings.second_stage_candidates].tolist(), searched[0]}
                self._is_kept[row.entries] = [float(place in kept) for place in range(len(row.entries))]

    def _partial_channels(self, batch: int) -> int:
        settings = self.settings
        return settings.second_stage_partial_channels if self._is_second_stage(batch) else settings.partial_channels

    def _own_state(self) -> dict[str, list[float]]:
        return {"kept": self._is_kept.tolist()}

    def _take_own_state(self, own: Mapping[str, list[float]]) -> None:
        self._is_kept = np.array(own["kept"])
