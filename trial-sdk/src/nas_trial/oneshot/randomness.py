"""The generators of random numbers that everybody shares: their states as values, and a set of them of one's own.

Not here: where states are kept (``saved``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class GeneratorStates:
    """The states of torch's generator of the CPU, of NumPy's and Python's, and of torch's on each GPU in use.

    Attributes:
        torch_state: Shape (bytes,).
        numpy_state: As ``numpy.random.get_state()`` gives it.
        python_state: As ``random.getstate()`` gives it.
        cuda_states: One a GPU, each of shape (bytes,).
    """

    torch_state: Tensor
    numpy_state: tuple[object, ...]
    python_state: tuple[object, ...]
    cuda_states: tuple[Tensor, ...] = ()

    @classmethod
    def now(cls, *, device: torch.device | None = None) -> GeneratorStates:
        """Return the states as they are, those of GPUs only for a device that is one."""
        has_gpus = device is not None and device.type == "cuda"
        return cls(
            torch.get_rng_state(),
            tuple(np.random.get_state()),
            random.getstate(),
            tuple(torch.cuda.get_rng_state_all()) if has_gpus else (),
        )

    def restore(self) -> None:
        """Put all generators into these states."""
        torch.set_rng_state(self.torch_state)
        np.random.set_state(self.numpy_state)  # type: ignore[arg-type]  # its stub lists each kind of state
        random.setstate(self.python_state)
        if self.cuda_states:
            torch.cuda.set_rng_state_all(list(self.cuda_states))


class OwnGenerators:
    """Generators of one's own, of the CPU: within `used`, everything that draws random numbers draws from them.

    Args:
        seed: Their seed, an unsigned 64-bit number.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: GeneratorStates | None = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Draw from these; outside nothing has been drawn."""
        outside = GeneratorStates.now()
        if self._states is None:
            seed_on_cpu(self._seed)
        else:
            self._states.restore()
        try:
            yield
        finally:
            self._states = GeneratorStates.now()
            outside.restore()


def seed_on_cpu(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch's CPU; those of GPUs stay as they are."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
