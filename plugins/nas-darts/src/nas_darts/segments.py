"""Segments: many small probability vectors laid end to end, so that one array operation serves them all.

A segment belongs to one decision; its entries are the candidates. *Flat* arrays have the shape ``(total,)``, those with
one value a segment ``(count,)``. Not here: what the entries mean (``layout``).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Segments:
    """The bounds of segments, and what is computed segment by segment.

    Args:
        sizes: Entries of each segment, 1 or more.
    """

    def __init__(self, sizes: Iterable[int]) -> None:
        self.sizes: Indices = np.array(tuple(sizes), dtype=np.intp)
        self.count = len(self.sizes)
        self.total = int(self.sizes.sum())
        self.starts: Indices = np.cumsum(self.sizes) - self.sizes
        self.owner: Indices = np.repeat(np.arange(self.count), self.sizes)
        self._places: Indices = np.arange(self.total)

    def sums(self, flat: Array) -> Array:
        """Return the sum of each segment, shape ``(count,)``."""
        return np.add.reduceat(flat, self.starts) if self.count else np.zeros(0)

    def maxima(self, flat: Array) -> Array:
        """Return the largest entry of each segment, shape ``(count,)``."""
        return np.maximum.reduceat(flat, self.starts) if self.count else np.zeros(0)

    def log_softmax(self, flat: Array) -> Array:
        """Return the logarithm of `softmax`, without overflow."""
        shifted = flat - self.maxima(flat)[self.owner]
        return shifted - np.log(self.sums(np.exp(shifted)))[self.owner]

    def softmax(self, flat: Array) -> Array:
        """Return exp(flat) divided by its sum over the segment."""
        powers = np.exp(flat - self.maxima(flat)[self.owner])
        return powers / self.sums(powers)[self.owner]

    def softmax_backward(self, softmax: Array, upstream: Array) -> Array:
        """Return the gradient with respect to the logits: p_i (u_i - sum_j p_j u_j)."""
        return softmax * (upstream - self.sums(softmax * upstream)[self.owner])

    def first_largest(self, flat: Array) -> Indices:
        """Return the flat index of the largest entry of each segment, the first of equals; shape ``(count,)``."""
        if not self.count:
            return np.zeros(0, dtype=np.intp)
        is_largest = flat == self.maxima(flat)[self.owner]
        return np.minimum.reduceat(np.where(is_largest, self._places, self.total), self.starts)

    def one_hot(self, chosen: Indices) -> Array:
        """Return a flat array with 1 at the chosen flat indices and 0 elsewhere."""
        hot = np.zeros(self.total)
        hot[chosen] = 1.0
        return hot

    def entropy(self, probabilities: Array) -> Array:
        """Return the entropy of each segment in nats, shape ``(count,)``."""
        logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
        return -self.sums(probabilities * logs)


def gumbel(generator: np.random.Generator, size: int) -> Array:
    """Return standard Gumbel noise, shape ``(size,)``; the largest of log p + noise is a draw from p."""
    return -np.log(generator.standard_exponential(size))
