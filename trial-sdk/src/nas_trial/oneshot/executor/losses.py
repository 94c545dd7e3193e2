"""The loss of a training step: as a scalar, and for parameters that are not the model's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nascore.errors import InvalidInputError
from torch import Tensor, nn
from torch.func import functional_call

from nas_trial.oneshot.executor.lookahead import Loss
from nas_trial.oneshot.randomness import GeneratorStates
from nas_trial.trial import Trial


def scalar(loss: object) -> Tensor:
    """What a training step returned, shape ().

    Raises:
        InvalidInputError: It is no tensor with one element.
    """
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return loss.reshape(())
    shown = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
    raise InvalidInputError(f"training_step returned a loss of {shown}; it must be a tensor with one element.")


class LentLoss:
    """Losses for which parameters are lent to the model; its own are neither copied nor written to.

    Args:
        trial: Says what the loss is.
        model: The supernet.
        after: Called after each forward pass.
    """

    def __init__(self, trial: Trial, model: nn.Module, *, after: Callable[[], None]) -> None:
        self._step = _TrainingStep(trial, model)
        self._after = after

    def loss(self, batch: object, generators: GeneratorStates) -> Loss:
        """The loss of a batch for other parameters; every time with the same random numbers."""

        def loss(parameters: Mapping[str, Tensor]) -> Tensor:
            generators.restore()
            lent = {f"model.{name}": each for name, each in parameters.items()}
            found = scalar(functional_call(self._step, lent, (batch,)))
            self._after()
            return found

        return loss


class _TrainingStep(nn.Module):
    """A training step as a module, to which parameters can be lent."""

    def __init__(self, trial: Trial, model: nn.Module) -> None:
        super().__init__()
        self._trial = trial
        self.model = model

    def forward(self, batch: object) -> Tensor:
        """The loss of a batch."""
        return self._trial.training_step(self.model, batch)
