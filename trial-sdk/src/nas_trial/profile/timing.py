"""How long a network takes for one example on the device at hand: measured, so never twice the same."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from nascore.errors import SettingsError
from torch import Tensor, nn

from nas_trial.extract import Factory
from nas_trial.profile.sketch import built, inputs_of
from nas_trial.supernet import activate

WARM_UP = 5
REPEATS = 30


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of forward passes, in milliseconds.

    Attributes:
        median_ms: Half of the passes were faster.
        low_ms: A quarter of them were faster.
        high_ms: A quarter of them were slower.
        repeats: Number of passes.
        device: Where: ``cpu``, or the name of the GPU.
        threads: CPU threads that torch used.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    repeats: int
    device: str
    threads: int


def latency(
    model: nn.Module | Factory,
    architecture: Mapping[str, object] | None = None,
    *,
    input_shape: Sequence[int],
    device: str = "cpu",
    warm_up: int = WARM_UP,
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Measures how long one example takes, without gradients.

    A GPU has finished before the clock is read. The number of threads is left as it is: ``torch.set_num_threads``.

    Args:
        model: A network or supernet, which is moved to the device, or a factory of a model with choices.
        architecture: What is decided. Left out: the default architecture of a factory, the active one of a supernet.
        input_shape: Sizes of one example of 32-bit floats, without the batch.
        device: Where.
        warm_up: Passes before those that are measured.
        repeats: Passes that are measured.
        clock: Tells seconds.

    Raises:
        InvalidInputError: The shape is none.
        SettingsError: Fewer than two repeats are asked for.
        ArchitectureError: The architecture does not belong to the space.
    """
    inputs = inputs_of(tuple(input_shape))
    if isinstance(model, nn.Module):
        network = model.to(device)
        if architecture is not None:
            activate(network, architecture)
    else:
        network = built(model, architecture, device=device)
    return timed(network, inputs, device=device, warm_up=warm_up, repeats=repeats, clock=clock)


def timed(
    network: nn.Module,
    inputs: tuple[object, ...],
    named: Mapping[str, object] | None = None,
    *,
    device: str,
    warm_up: int = WARM_UP,
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Measures a network that lies on a device, called with zeros in place of meta tensors.

    Raises:
        SettingsError: Fewer than two repeats are asked for.
    """
    if repeats < 2 or warm_up < 0:
        raise SettingsError(f"{warm_up} passes to warm up and {repeats} to measure: measure 2 at least.")
    arguments = [_zeros(value, device) for value in inputs]
    keywords = {name: _zeros(value, device) for name, value in (named or {}).items()}
    times = []
    with torch.inference_mode(), _evaluating(network):
        for _ in range(warm_up + repeats):
            began = clock()
            network(*arguments, **keywords)
            _wait(device)
            times.append((clock() - began) * 1e3)
    low, median, high = statistics.quantiles(times[warm_up:], n=4, method="inclusive")
    return Latency(median, low, high, repeats, _name(device), torch.get_num_threads())


def _zeros(value: object, device: str) -> object:
    return torch.zeros(value.shape, dtype=value.dtype, device=device) if isinstance(value, Tensor) else value


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def _name(device: str) -> str:
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Sets it to evaluate, and every part back as it was."""
    before = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, was_training in before:
            module.training = was_training
