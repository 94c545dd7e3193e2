"""What came of a sample over its batches: means, as the outcome that is told."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from nascore.errors import InvalidInputError
from nascore.record import Outcome, OutcomeStatus
from torch import Tensor

from nas_trial.failures import NonFiniteError
from nas_trial.metrics import batch_size
from nas_trial.oneshot.executor.samples import Gates


class Mean:
    """The means of the loss and of the gradient of gates over batches, each weighted by its size.

    Args:
        gates: What gradients are of.
        batches: All batches that will be added.

    Attributes:
        size: Examples of all batches.
        gradients: The mean gradient of each gate so far.

    Raises:
        InvalidInputError: There are no batches.
    """

    def __init__(self, gates: Gates, batches: Sequence[object]) -> None:
        if not batches:
            raise InvalidInputError("A sample is to be carried out on no batch.", hint="Give one or more.")
        self.size = sum(map(batch_size, batches))
        self.gradients = [torch.zeros_like(gate) for gate in gates.tensors.values()]
        self._gates = gates
        self._count = len(batches)
        self._losses: list[Tensor] = []

    def add(self, loss: Tensor, gradients: Sequence[Tensor | None], *, batch: object) -> None:
        """Take the loss of a batch, and the gradients of the gates if there are any."""
        share = batch_size(batch) / self.size
        self._losses.append(loss.detach().to(torch.float64) * share)
        for total, each in zip(self.gradients, gradients, strict=False):
            if each is not None:
                total.add_(each, alpha=share)

    def outcome(self) -> Outcome:
        """The means.

        Raises:
            NonFiniteError: One is NaN or infinite.
        """
        loss = float(torch.stack(self._losses).sum())
        values = torch.stack(self.gradients).tolist() if self.gradients else []
        by_place = dict(zip(self._gates.tensors, values, strict=True))
        for (path, index), value in (("loss", 0), loss), *by_place.items():
            if not math.isfinite(value):
                what = f"The gradient of weight {index} of {path!r}" if by_place and path != "loss" else "The loss"
                raise NonFiniteError(f"{what} is {value}.")
        gradient = self._gates.gradient(by_place) if by_place else self._gates.gradient({})
        return Outcome(OutcomeStatus.COMPLETED, {"loss": loss}, gradient, batches=self._count)
