"""Settings that every tuner of mixtures has; each tuner sets the published values of its paper as defaults."""

from __future__ import annotations

from typing import ClassVar, Literal

from nascore.tuner import Settings
from pydantic import Field


class MixtureSettings(Settings):
    """Settings of a tuner of mixtures.

    Attributes:
        published_rate: The learning rate of the paper or of the released code.
    """

    published_rate: ClassVar[float] = 3e-4

    learning_rate: float | None = Field(
        None,
        gt=0,
        description="Adam's learning rate for architecture parameters; unset: the published one, raised on schedules "
        "of fewer steps so that they reach as far.",
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's decay of the mean gradient.")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's decay of the mean square gradient.")
    weight_decay: float = Field(1e-3, ge=0, description="Adam's L2 decay of architecture parameters.")
    initial_scale: float = Field(1e-3, ge=0, description="Standard deviation of the first architecture parameters.")
    gradient_every: int = Field(1, ge=1, description="An architecture step with every so many weight steps.")
    frozen_share: float = Field(
        0.0, ge=0, lt=1, description="Share of the search epochs, at the beginning, without architecture steps."
    )
    sampled_learning_rate: float | None = Field(
        None,
        gt=0,
        description="Adam's learning rate for decisions that are sampled instead of mixed; unset: as learning_rate.",
    )
    penalty_measure: str = Field(
        "",
        description="Measure of the cost table that is to be kept small (latency_ms, macs, parameters); empty: none.",
    )
    penalty: Literal["additive", "multiplicative"] = Field(
        "additive",
        description="loss + weight (E - reference) / reference, or factor loss (ln E / ln reference)^exponent.",
    )
    penalty_weight: float = Field(0.1, ge=0, description="Weight of an additive penalty.")
    penalty_factor: float = Field(0.2, gt=0, description="Factor of a multiplicative penalty.")
    penalty_exponent: float = Field(0.3, ge=0, description="Exponent of a multiplicative penalty.")
    penalty_reference: float | None = Field(
        None, gt=0, description="What an architecture may cost; unset: what one costs on average before the search."
    )
    skip_keys: tuple[str, ...] = Field(
        ("skip", "skip_connect", "identity"), description="Keys of candidates that pass their input on unchanged."
    )
