"""The default loop: train for some epochs, validate after each, report, stop on a loss that is not a number.

Not here: which trial is run and where its result goes (``nas_trial.attempt``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from nascore.errors import InvalidInputError
from nascore.record import TEST_PREFIX, Budget
from torch import Tensor, nn
from torch.optim import Optimizer

from nas_trial.failures import NonFiniteError
from nas_trial.metrics import MetricAverage, batch_size
from nas_trial.oneshot.splits import validation_halves
from nas_trial.placement import Placement
from nas_trial.progress import metrics_text, write_line
from nas_trial.trial import Trial

Report = Callable[[int, Mapping[str, float]], None]
"""Takes a step and its metrics; raises ``Stopped`` when the trial shall end."""

_CHECK_EVERY = 32


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of training: the metrics of the last validation, and the batches that were trained on."""

    metrics: dict[str, float]
    batches: int


def train(trial: Trial, model: nn.Module, *, report: Report, objectives: Collection[str] = ()) -> Trained:
    """Train and validate ``model``, which is moved to the trial's device in place.

    Args:
        trial: Says how; its ``budget`` of epochs, batches or seconds is kept.
        model: The network of one architecture.
        report: Called after each epoch with its number, from 1, and the validation metrics.
        objectives: Names of the metrics that must be finite; empty for all.

    Raises:
        InvalidInputError: There are no training batches, or a loss is no scalar.
        NonFiniteError: A loss or metric is NaN or infinite; the step is named.
        Stopped: If ``report`` raised it.
    """
    settled = Placement(trial, model)
    judging = _Judging(trial, model, settled, objectives)
    allowance = _Allowance(trial)
    if allowance.is_in_epochs and not allowance.epochs:
        return Trained(judging.validated() | judging.tested(), 0)
    optimizer = trial.optimizer(model.parameters())
    scheduler = trial.scheduler(optimizer)
    metrics: dict[str, float] = {}
    batches = 0
    while not metrics or not allowance.is_used_up(batches):
        started = time.monotonic()
        trained = allowance.limit(settled.batches(trial.train_batches()), batches)
        count, loss = _train_epoch(trial, model, optimizer=optimizer, batches=trained, before=batches)
        if not count:
            raise InvalidInputError(
                f"train_batches() of {type(trial).__name__} yielded no batch in epoch {allowance.epochs_done + 1}.",
                hint="Return a fresh iterable each time, not a generator made once; set epochs = 0 to train nothing.",
            )
        batches += count
        allowance.epochs_done += 1
        metrics = judging.validated()
        _show(allowance, loss, metrics, seconds=time.monotonic() - started)
        report(allowance.epochs_done, metrics)
        if scheduler is not None:
            scheduler.step()
    return Trained(metrics | judging.tested(), batches)


def _train_epoch(
    trial: Trial, model: nn.Module, *, optimizer: Optimizer, batches: Iterable[object], before: int
) -> tuple[int, float]:
    """Returns the number of batches and the mean loss."""
    model.train()
    watch = _LossWatch(before)
    for batch in batches:
        loss = trial.training_step(model, batch)
        optimizer.zero_grad(set_to_none=True)
        watch.see(loss)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        optimizer.step()
    return watch.finish()


class _Judging:
    """Judges the network on the validation data; of a one-shot experiment on one half, and at its end on the other."""

    def __init__(self, trial: Trial, model: nn.Module, placement: Placement, objectives: Collection[str]) -> None:
        self._trial = trial
        self._model = model
        self._placement = placement
        self._objectives = objectives
        self._halves = validation_halves(trial) if trial.reports_on_test else None

    def validated(self) -> dict[str, float]:
        halves = self._halves
        return self._judged(self._trial.validation_batches() if halves is None else halves.first.whole())

    def tested(self) -> dict[str, float]:
        if self._halves is None:
            return {}
        metrics = self._judged(self._halves.second.whole())
        return {TEST_PREFIX + name: value for name, value in metrics.items()}

    @torch.no_grad()
    def _judged(self, batches: Iterable[object]) -> dict[str, float]:
        self._model.eval()
        average = MetricAverage()
        for batch in self._placement.batches(batches):
            average.add(self._trial.validation_step(self._model, batch), weight=batch_size(batch))
        return average.result(needed=self._objectives)


def _show(allowance: _Allowance, loss: float, metrics: Mapping[str, float], *, seconds: float) -> None:
    number = f"{allowance.epochs_done}/{allowance.epochs}" if allowance.is_in_epochs else f"{allowance.epochs_done}"
    write_line(f"epoch {number}  training loss {loss:.6g}  {metrics_text(metrics)}  ({seconds:.1f} s)")


class _LossWatch:
    """Finds the first step whose loss is not finite; on a GPU it looks only now and then, for looking waits for it."""

    def __init__(self, before: int) -> None:
        self._seen = before
        self._before = before
        self._unchecked: list[Tensor] = []
        self._total = 0.0

    def see(self, loss: object) -> None:
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            shown = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
            raise InvalidInputError(f"training_step returned a loss of {shown}; it must be a tensor with one element.")
        self._unchecked.append(loss.detach().reshape(()))
        if loss.device.type == "cpu" or len(self._unchecked) >= _CHECK_EVERY:
            self._check()

    def finish(self) -> tuple[int, float]:
        self._check()
        count = self._seen - self._before
        return count, self._total / count if count else math.nan

    def _check(self) -> None:
        for value in torch.stack(self._unchecked).tolist() if self._unchecked else []:
            self._seen += 1
            self._total += value
            if not math.isfinite(value):
                raise NonFiniteError(f"The training loss is {value} at step {self._seen} (batches counted from 1).")
        self._unchecked.clear()


class _Allowance:
    """How long to train: the budget if its unit is known here, else the trial's epochs."""

    def __init__(self, trial: Trial) -> None:
        self.epochs_done = 0
        self.epochs = trial.epochs
        self._batches = self._deadline = math.inf
        match trial.budget:
            case Budget("epochs", amount):
                self.epochs = max(1, math.ceil(amount))
            case Budget("batches", amount):
                self._batches = max(1, math.ceil(amount))
            case Budget("seconds", amount):
                self._deadline = time.monotonic() + amount
        self.is_in_epochs = math.isinf(self._batches) and math.isinf(self._deadline)

    def is_used_up(self, batches: int) -> bool:
        if self.is_in_epochs:
            return self.epochs_done >= self.epochs
        return batches >= self._batches or time.monotonic() >= self._deadline

    def limit(self, batches: Iterable[object], before: int) -> Iterator[object]:
        """Yields batches while batches and time allow; at least one, so that there is something to judge."""
        for count, batch in enumerate(batches):
            yield batch
            if not self.is_in_epochs and self.is_used_up(before + count + 1):
                return
