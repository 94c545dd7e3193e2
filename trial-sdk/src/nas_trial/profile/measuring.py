"""Measures the network of a trial before it is trained, as far as the experiment demands it.

What the network is called with is found out by the trial itself: its ``validation_step`` is begun, with the first
example of the first validation batch, until it calls the network. Not here: measuring (``figures``, ``timing``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping

import torch
from nascore.errors import InvalidInputError, NascoreError, UnsupportedError
from nascore.space import Architecture
from torch import Tensor, nn

from nas_trial.extract import Factory
from nas_trial.failures import Infeasible
from nas_trial.metrics import batch_size
from nas_trial.profile.demands import Demands
from nas_trial.profile.figures import Profile, counted
from nas_trial.profile.parameters import count_parameters
from nas_trial.profile.sketch import built, on_meta, sketched
from nas_trial.profile.timing import timed
from nas_trial.progress import write_line
from nas_trial.trial import Trial

Inputs = tuple[tuple[object, ...], dict[str, object]]


def figures_of(
    trial: Trial, architecture: Architecture, *, demands: Demands, objectives: Collection[str]
) -> dict[str, float]:
    """The figures that are demanded of an architecture, by name.

    Generators of random numbers may be used: seed them afterwards.

    Args:
        trial: What is searched.
        architecture: What would be built.
        demands: Limits, and what is reported.
        objectives: Names of what is optimised; those that are figures are measured.

    Raises:
        Infeasible: A figure is above its limit; both are named, and no more is measured.
        UnsupportedError: A figure that is limited cannot be measured.
    """
    wanted = demands.wanted(objectives)
    if not wanted:
        return {}

    def inputs(network: nn.Module) -> Inputs:
        return called_with(trial.validation_step, network, trial.validation_batches())

    return _figures(_Measurement(trial.build, architecture, device=trial.device, inputs=inputs), wanted, demands.maxima)


def figures_with(
    factory: Factory,
    architecture: Architecture,
    *,
    example: object,
    demands: Demands,
    objectives: Collection[str],
) -> dict[str, float]:
    """As `figures_of`, for a network that is called with an example: a tensor or a tuple of them; None if not known."""
    wanted = demands.wanted(objectives)
    if not wanted:
        return {}
    inputs = example if isinstance(example, tuple) else (example,)
    device = next((str(value.device) for value in inputs if isinstance(value, Tensor)), "cpu")

    def given(network: nn.Module) -> Inputs:
        if example is None:
            raise UnsupportedError(
                "What the network is given is not known, so only its parameters can be counted.",
                hint="Give it, with a batch of one: trial.build(Net, example=images[:1]).",
            )
        return inputs, {}

    return _figures(_Measurement(factory, architecture, device=device, inputs=given), wanted, demands.maxima)


def _figures(measurement: _Measurement, wanted: Iterable[str], maxima: Mapping[str, float]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name in wanted:
        try:
            figures[name] = measurement.figure(name)
        except NascoreError as error:
            if name in maxima:
                raise
            # The trial may report a metric of this name itself; if it does not, the experiment will say so.
            write_line(f"{name} was not measured: {error}")
            continue
        if figures[name] > maxima.get(name, math.inf):
            raise Infeasible(f"{name} is {figures[name]:,.12g}, above the limit of {maxima[name]:,.12g}.")
    return figures


class _Measurement:
    """Measures each thing once, and only if it is asked for."""

    def __init__(
        self, factory: Factory, architecture: Architecture, *, device: str, inputs: Callable[[nn.Module], Inputs]
    ) -> None:
        self._factory = factory
        self._architecture = architecture
        self._device = device
        self._find_inputs = inputs
        self._network = sketched(factory, architecture)
        self._inputs: Inputs | None = None
        self._profile: Profile | None = None

    def figure(self, name: str) -> float:
        match name:
            case "params":
                return count_parameters(self._network)
            case "macs":
                return self._counted().macs
            case "activation_bytes":
                return self._counted().activation_bytes
            case _:
                network = built(self._factory, self._architecture, device="cpu").to(self._device)
                return timed(network, *self._called_with(), device=self._device).median_ms

    def _counted(self) -> Profile:
        if self._profile is None:
            self._profile = counted(self._network, *self._called_with())
        return self._profile

    def _called_with(self) -> Inputs:
        if self._inputs is None:
            self._inputs = self._find_inputs(self._network)
        return self._inputs


class _Called(BaseException):
    """Leaves the trial's code where it calls the network; no ``except Exception`` of it may be in the way."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.inputs = inputs


def called_with(step: Callable[[nn.Module, object], object], network: nn.Module, batches: Iterable[object]) -> Inputs:
    """What a step calls a network of the meta device with, given the first example of the first batch.

    Raises:
        InvalidInputError: There is no batch.
        UnsupportedError: The step does not call the network, or reads the numbers in a batch before.
    """
    batch = next(iter(batches), None)
    if batch is None:
        raise InvalidInputError("validation_batches() yielded no batch, so nobody knows what the network is given.")
    example = on_meta(_first(batch, batch_size(batch)))
    hook = network.register_forward_pre_hook(_leave, with_kwargs=True)
    try:
        with torch.no_grad(), torch.device("meta"):
            step(network, example)
    except _Called as called:
        return called.inputs
    except NascoreError:
        raise
    except Exception as error:
        # The user's code, with a batch that it was not written for; its words say best what is wrong.
        raise UnsupportedError(f"validation_step fails on one example without data: {error}", hint=_HINT) from error
    finally:
        hook.remove()
    raise UnsupportedError("validation_step does not call the network itself: model(...).", hint=_HINT)


_HINT = "To know what the network is given, validation_step is begun on the meta device until it calls model(...)."


def _leave(module: nn.Module, arguments: tuple[object, ...], keywords: dict[str, object]) -> None:
    raise _Called((arguments, keywords))


def _first(value: object, count: int) -> object:
    """The first example of a batch: the leading part of all tensors that have one part for each."""
    match value:
        case Tensor():
            return value[:1] if value.dim() and value.shape[0] == count else value
        case Mapping():
            return {key: _first(part, count) for key, part in value.items()}
        case list():
            return [_first(part, count) for part in value]
        case tuple():
            return getattr(value, "_make", tuple)([_first(part, count) for part in value])
        case _:
            return value
