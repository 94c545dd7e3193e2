"""Averages of validation metrics over batches, and the check that metrics are finite numbers with names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from numbers import Real

import numpy as np
import torch
from nascore.errors import MetricError
from torch import Tensor

from nas_trial.failures import NonFiniteError
from nas_trial.progress import write_line

MetricValue = float | Tensor


class MetricAverage:
    """The mean of each metric over batches, each batch weighted by its size.

    Values stay on their device until ``result``, so that no batch waits for another.
    """

    def __init__(self) -> None:
        self._sums: dict[str, MetricValue] = {}
        self._weight = 0

    def add(self, values: Mapping[str, MetricValue], *, weight: int) -> None:
        """Take the metrics of one batch of ``weight`` samples.

        Raises:
            MetricError: It has other metrics than the batch before, or one is no number.
        """
        if self._weight and values.keys() != self._sums.keys():
            raise MetricError(
                f"validation_step returned {sorted(values)} for one batch and {sorted(self._sums)} for another.",
                hint="Return the same metrics for every batch.",
            )
        for name, value in values.items():
            term = (_wide(value) if isinstance(value, Tensor) else _number(name, value)) * weight
            self._sums[name] = self._sums[name] + term if name in self._sums else term
        self._weight += weight

    def result(self, *, needed: Collection[str] = ()) -> dict[str, float]:
        """Return the means; see `finite_metrics` for ``needed``.

        Raises:
            MetricError: No batch was added, or a value is no single number.
            NonFiniteError: A mean is NaN or infinite.
        """
        if not self._weight:
            raise MetricError("There are no metrics: validation_batches() yielded no batch.")
        means = {name: total / self._weight for name, total in self._sums.items()}
        return finite_metrics(means, where="validation", needed=needed)


def finite_metrics(metrics: Mapping[str, MetricValue], *, where: str, needed: Collection[str] = ()) -> dict[str, float]:
    """Return metrics as plain numbers.

    Args:
        metrics: Metrics by name.
        where: What they were given to, for errors.
        needed: Names of the metrics that must be finite; others that are not are left out, and the trial's log says so.
            Empty: all of them.

    Raises:
        MetricError: There are none, or one is no single number; it is named.
        NonFiniteError: One is NaN or infinite; it is named with ``where``.
    """
    if not metrics:
        raise MetricError(f"{where}: no metric was given.", hint='Give at least one, for example {"accuracy": 0.9}.')
    numbers = {name: _number(name, value) for name, value in metrics.items()}
    bad = {name: number for name, number in numbers.items() if not math.isfinite(number)}
    for name, number in bad.items():
        if not needed or name in needed or len(bad) == len(numbers):
            raise NonFiniteError(f"{where}: the metric {name} is {number}.")
        write_line(f"{where}: the metric {name} is {number}; it is left out, for it is no objective.")
    return {name: number for name, number in numbers.items() if name not in bad}


def batch_size(batch: object) -> int:
    """Return the first size of the first tensor in a batch; 1 if it holds none."""
    found = _first_tensor(batch)
    return int(found.shape[0]) if found is not None and found.dim() else 1


def _number(name: object, value: object) -> float:
    if not isinstance(name, str) or not 1 <= len(name) <= 256 or not _is_unicode(name):
        raise MetricError(f"{str(name)[:80]!r} is no name of a metric; give a text of 1 to 256 characters.")
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        return float(value.detach().to("cpu", torch.float64))
    if isinstance(value, (Real, np.bool_)) or (isinstance(value, np.ndarray) and _is_number(value)):
        return float(value)
    shown = f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise MetricError(f"The metric {name} is {shown}, not a single number.", hint="Average it first.")


def _wide(value: Tensor) -> Tensor:
    """Sums in the element type of a half-precision or 8-bit tensor would overflow, or lose what comes late."""
    if value.is_complex():
        # Is refused by its name at the end.
        return value.detach()
    return value.detach().to(torch.float32 if value.device.type == "mps" else torch.float64)


def _is_number(value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bool:
    return value.ndim == 0 and value.dtype.kind in "biuf"


def _is_unicode(name: str) -> bool:
    """Whether it can be sent; lone surrogates cannot."""
    return name.isprintable() or name.encode(errors="ignore").decode() == name


def _first_tensor(batch: object) -> Tensor | None:
    if isinstance(batch, Tensor):
        return batch
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else ()
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)
