"""``ExecutorOptions``: how a supernet is trained and judged, beyond what the trial and each sample say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from nascore.errors import SettingsError

Statistics = Literal["batch", "running"]


@dataclass(frozen=True, slots=True)
class ExecutorOptions:
    """How a supernet is trained and judged.

    Attributes:
        autocast: Whether forward passes of TRAIN, SCORE and first-order GRADIENT run in bfloat16 where torch deems it
            safe. Weights, architecture weights and finite differences stay as they are.
        paths_per_step: Samples whose gradients are added up before one optimizer step (FairNAS: candidates of a layer;
            sandwich rule: 4). Gradients are summed, as published, not averaged.
        clip_norm: Largest norm of the weights' gradient in TRAIN (DARTS: 5); ``None`` does not clip. The look-ahead of
            second order does not clip, as published.
        path_dropout: Probability with which TRAIN leaves a candidate of a mixture out (Bender et al., 2018); one always
            stays, and the weights that stay are scaled so that their sum is what it was.
        statistics: What batch norms use in SCORE: those of the ``batch``, which is what a supernet needs whose paths
            differ, or their ``running`` averages.
        recalibration_batches: With ``running`` statistics, that many of the batches of SCORE are first used to estimate
            the averages for the very network that is scored; they are put back afterwards. 0 estimates nothing.
        shares: Whether a mixture computes once what depends on its input alone (ReLU, pooling), and lets the last batch
            norm of a candidate multiply by the candidate's weight. Results are equal up to rounding.

    Raises:
        SettingsError: A number is out of its range.
    """

    autocast: bool = False
    paths_per_step: int = 1
    clip_norm: float | None = None
    path_dropout: float = 0.0
    statistics: Statistics = "batch"
    recalibration_batches: int = 0
    shares: bool = True

    def __post_init__(self) -> None:
        claims = {
            "paths_per_step": (self.paths_per_step >= 1, "a whole number of 1 or more"),
            "clip_norm": (self.clip_norm is None or (math.isfinite(self.clip_norm) and self.clip_norm > 0), "above 0"),
            "path_dropout": (0 <= self.path_dropout < 1, "from 0 to below 1"),
            "statistics": (self.statistics in get_args(Statistics), "batch or running"),
            "recalibration_batches": (self.recalibration_batches >= 0, "0 or more"),
        }
        for name, (is_right, range_) in claims.items():
            if not is_right:
                raise SettingsError(f"The executor's {name} is {getattr(self, name)!r}.", hint=f"Give {range_}.")
