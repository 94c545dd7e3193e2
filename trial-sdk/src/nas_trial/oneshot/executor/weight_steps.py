"""The weights' side of an executor: gradients of several samples added up, the optimizer's steps, and their state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from nascore.errors import InvalidInputError
from torch import Tensor, nn

from nas_trial.failures import NonFiniteError
from nas_trial.oneshot.executor.options import ExecutorOptions
from nas_trial.oneshot.executor.saved import copied, packed, unpacked
from nas_trial.oneshot.executor.stepping import Parts
from nas_trial.oneshot.randomness import GeneratorStates
from nas_trial.trial import Trial

_SUPERNET = "supernet."


class WeightSteps:
    """Trains the parameters of a supernet.

    Args:
        trial: Gives optimizer and schedule.
        model: The supernet, where it is trained.
        options: See `ExecutorOptions`.

    Attributes:
        optimizer: The trial's.
    """

    def __init__(self, trial: Trial, model: nn.Module, options: ExecutorOptions) -> None:
        self.optimizer = trial.optimizer(model.parameters())
        self._scheduler = trial.scheduler(self.optimizer)
        self._model = model
        self._parts = Parts(model)
        self._paths_per_step = options.paths_per_step
        self._clip_norm = options.clip_norm
        self._added = 0

    def take(self, loss: Tensor) -> None:
        """Add the gradient of a loss, and step if it is the last of a step.

        Raises:
            NonFiniteError: The loss is NaN or infinite; nothing is added.
        """
        if not bool(torch.isfinite(loss.detach())):
            raise NonFiniteError(f"The training loss is {loss.item()}.")
        if self._added == 0:
            self.optimizer.zero_grad(set_to_none=True)
            self._parts.clear()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        self._parts.note()
        self._added += 1
        if self._added == self._paths_per_step:
            self._step()

    def end_epoch(self) -> None:
        """Step the schedule."""
        if self._scheduler is not None:
            self._scheduler.step()

    def state_dict(self, generators: GeneratorStates) -> dict[str, Tensor]:
        """Everything that the next step depends on; gradients that wait for their step among it."""
        weights = {f"{_SUPERNET}{name}": copied(tensor) for name, tensor in self._state().items()}
        named = self._model.named_parameters()
        waiting = {name: each.grad for name, each in named if each.grad is not None} if self._added else {}
        rest = {
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self._scheduler is None else self._scheduler.state_dict(),
            "added": self._added,
            "gradients": waiting,
            "torch": generators.torch_state,
            "numpy": generators.numpy_state,
            "python": generators.python_state,
            "cuda": generators.cuda_states,
        }
        return weights | packed(rest)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> GeneratorStates:
        """Go on from a state; returns what the generators were.

        Raises:
            InvalidInputError: It belongs to another supernet or optimizer.
        """
        rest = unpacked(state)
        weights = {key.removeprefix(_SUPERNET): each for key, each in state.items() if key.startswith(_SUPERNET)}
        self._check(weights)
        try:
            generators = _generators(rest)
            self.optimizer.load_state_dict(rest["optimizer"])
            if self._scheduler is not None:
                self._scheduler.load_state_dict(rest["scheduler"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"The state belongs to another optimizer or schedule: {error}.") from error
        with torch.no_grad():
            for name, tensor in self._state().items():
                tensor.copy_(weights[name])
        self._added = rest["added"]
        for name, parameter in self._model.named_parameters():
            waiting = rest["gradients"].get(name)
            parameter.grad = None if waiting is None else _laid_out(waiting, parameter)
            for key, value in self.optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    self.optimizer.state[parameter][key] = _laid_out(value, parameter)
        return generators

    def _step(self) -> None:
        self._added = 0
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        with self._parts.confined(self.optimizer):
            self.optimizer.step()

    def _state(self) -> dict[str, Tensor]:
        """All parameters and buffers, those too that are not saved with a model."""
        own: dict[str, Any] = dict(self._model.named_parameters())
        return own | dict(self._model.named_buffers())

    def _check(self, weights: Mapping[str, Tensor]) -> None:
        own = {name: tuple(tensor.shape) for name, tensor in self._state().items()}
        given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        wrong = sorted(set(own.items()) ^ set(given.items()))
        if wrong:
            raise InvalidInputError(
                f"The state belongs to another supernet: they differ at {wrong[0][0]!r} with shape {wrong[0][1]}."
            )


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """A copy that lies in memory as a parameter does, for sums depend on the order."""
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _generators(rest: Mapping[str, Any]) -> GeneratorStates:
    return GeneratorStates(rest["torch"], tuple(rest["numpy"]), rest["python"], tuple(rest["cuda"]))
