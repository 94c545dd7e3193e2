"""The random numbers of one sample, from its seed."""

from __future__ import annotations

from functools import cached_property

import numpy as np


class Chance:
    """Random numbers, of which none are made before they are wanted.

    To make a generator takes longer than a softmax of a few hundred parameters, and methods that mix need none.

    Args:
        seed: The sample's seed.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @cached_property
    def generator(self) -> np.random.Generator:
        """The same generator each time, so that later numbers are others."""
        return np.random.Generator(np.random.PCG64(self._seed))
