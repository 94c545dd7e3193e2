"""``Executor``: what a worker of a one-shot experiment does with a sample.

Not here: where samples come from and where outcomes go (``nas_trial.oneshot``), how a choice computes a mixture
(``nas_trial.mixing``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from nascore.errors import InvalidInputError
from nascore.record import Outcome, OutcomeStatus, Proposal
from torch import Tensor, nn

from nas_trial.metrics import MetricAverage, MetricValue, batch_size
from nas_trial.oneshot.executor.lookahead import check_batch, check_optimizer, unrolled_gradient
from nas_trial.oneshot.executor.losses import LentLoss, scalar
from nas_trial.oneshot.executor.means import Mean
from nas_trial.oneshot.executor.members import Members
from nas_trial.oneshot.executor.options import ExecutorOptions
from nas_trial.oneshot.executor.precision import mixed_precision, true_precision
from nas_trial.oneshot.executor.probing import unmixable
from nas_trial.oneshot.executor.samples import Gates, Samples
from nas_trial.oneshot.executor.statistics import running_statistics
from nas_trial.oneshot.executor.weight_steps import WeightSteps
from nas_trial.oneshot.randomness import GeneratorStates
from nas_trial.placement import Placement
from nas_trial.supernet import decisions_of, space_of
from nas_trial.trial import Trial

_DEFAULTS = ExecutorOptions()
_PROBED = 4
"""Random architectures that are tried beside the default."""


class Executor:
    """Carries out samples on one supernet, which it trains in place; for one thread.

    Batches are moved to the trial's device. What a sample does not reach is neither computed nor changed.

    Args:
        trial: Says how a network is trained and judged.
        supernet: ``nas.build(trial.build, None)``; it is moved to the trial's device in place.
        options: What the trial does not say.

    Raises:
        InvalidInputError: The module is no supernet.
    """

    def __init__(self, trial: Trial, supernet: nn.Module, *, options: ExecutorOptions = _DEFAULTS) -> None:
        decisions_of(supernet)
        self._trial = trial
        self._model = supernet
        self._options = options
        self._placement = Placement(trial, supernet)
        self._members = Members(supernet)
        self._samples = Samples(supernet, shares=options.shares, path_dropout=options.path_dropout)
        self._steps = WeightSteps(trial, supernet, options)
        self._lent = LentLoss(trial, supernet, after=self._samples.clear)

    def probe(self, batch: object) -> Mapping[str, str]:
        """Decisions that cannot be mixed, with the reason, by path; they come in ``Mixture.fixed``.

        Computes some mixtures of a batch, and leaves everything as it was.
        """
        moved = self._placement.moved(batch)
        space = space_of(self._model)
        architectures = [space.default(), *(space.sample(random.Random(seed)) for seed in range(_PROBED))]
        self._members.train()
        with self._untouched(), torch.no_grad():
            return unmixable(
                decisions_of(self._model), lambda sample: self._compute(sample, moved), architectures=architectures
            )

    def train(self, sample: Proposal, batches: Sequence[object]) -> Outcome:
        """TRAIN: an optimizer step a batch (see ``paths_per_step``). With graded weights, their gradient as well.

        Returns:
            The mean ``loss``, weighted by batch size, and what `gradient` returns for graded weights.

        Raises:
            NonFiniteError: A loss is NaN or infinite; no step is made on it.
        """
        self._members.train()
        with self._samples.applied(sample, device=self._placement.device, drops=True) as gates:
            mean = Mean(gates, batches)
            for batch in self._placement.batches(batches):
                loss = self._loss(batch)
                self._steps.take(loss)
                mean.add(loss, [gate.grad for gate in gates.tensors.values()], batch=batch)
                for gate in gates.tensors.values():
                    gate.grad = None
        return mean.outcome()

    def score(self, sample: Proposal, batches: Sequence[object]) -> Outcome:
        """SCORE: ``loss`` and the metrics of validation_step, weighted by batch size; changes nothing at all.

        Where validation_step gives no ``loss``, it is that of training_step.

        Raises:
            NonFiniteError: A metric is NaN or infinite.
        """
        average = MetricAverage()
        moved = list(self._placement.batches(batches))
        # Before everything is kept from tracking: norms that judge are not touched by that, and can be estimated.
        self._members.judge(norms_train=self._options.statistics == "batch")
        with (
            self._untouched(),
            torch.no_grad(),
            self._samples.applied(sample, device=self._placement.device),
            self._statistics(moved),
        ):
            for batch in moved:
                average.add(self._judged(batch), weight=batch_size(batch))
        return Outcome(OutcomeStatus.COMPLETED, metrics=average.result(), batches=len(moved))

    def gradient(self, sample: Proposal, batches: Sequence[object], *, next_batch: object = None) -> Outcome:
        """GRADIENT: d loss / d weights for every mixed decision, 0 where it is not graded; changes nothing at all.

        Args:
            sample: With a mixture.
            batches: Of the search split; the mean gradient, weighted by batch size.
            next_batch: The very next batch of TRAIN; needed where ``sample.unrolled``.

        Raises:
            InvalidInputError: The sample has no mixture, or there is no next batch to look ahead at.
            UnsupportedError: It looks ahead, and the trial trains with another optimizer than SGD.
            NonFiniteError: The loss or a gradient is NaN or infinite.
        """
        if sample.mixture is None:
            raise InvalidInputError(
                f"Sample {sample.number} asks for a gradient, but it has no mixture.", hint="SCORE an architecture."
            )
        self._members.train()
        with self._untouched(), self._samples.applied(sample, device=self._placement.device) as gates:
            if sample.unrolled is None:
                return self._first_order(gates, batches)
            check_optimizer(self._steps.optimizer)
            check_batch(next_batch)
            return self._second_order(gates, batches, next_batch=next_batch, radius=sample.unrolled.radius)

    def end_epoch(self) -> None:
        """Step the trial's learning-rate schedule, if it has one; to be called after each epoch of TRAIN batches."""
        self._steps.end_epoch()

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the next sample depends on, as tensors by name: copies, on the CPU.

        The supernet (``supernet.*``), the optimizer, the schedule and the generators of Python, NumPy and torch.
        What is no tensor is JSON in a tensor of bytes, so that the whole fits a safetensors file.

        Raises:
            UnsupportedError: The optimizer or its schedule holds something that cannot be saved.
        """
        return self._steps.state_dict(GeneratorStates.now(device=self._placement.device))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state_dict`; on the CPU bit by bit as if nothing had happened.

        Raises:
            InvalidInputError: It belongs to another supernet or optimizer.
        """
        self._steps.load_state_dict(state).restore()

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Buffers and generators stay bit by bit as they are."""
        generators = GeneratorStates.now(device=self._placement.device)
        try:
            with self._members.untracked():
                yield
        finally:
            generators.restore()

    def _loss(self, batch: object) -> Tensor:
        with mixed_precision(self._placement.device, is_wanted=self._options.autocast):
            loss = self._trial.training_step(self._model, batch)
        self._samples.clear()
        return scalar(loss)

    def _compute(self, sample: Proposal, batch: object) -> None:
        with self._samples.applied(sample, device=self._placement.device):
            self._loss(batch)

    def _first_order(self, gates: Gates, batches: Sequence[object]) -> Outcome:
        mean = Mean(gates, batches)
        with self._members.frozen():
            for batch in self._placement.batches(batches):
                loss = self._loss(batch)
                mean.add(loss, _gradients(loss, list(gates.tensors.values())), batch=batch)
        return mean.outcome()

    def _second_order(self, gates: Gates, batches: Sequence[object], *, next_batch: object, radius: float) -> Outcome:
        mean = Mean(gates, batches)
        device = self._placement.device
        with true_precision(device):
            found, losses = unrolled_gradient(
                list(gates.tensors.values()),
                parameters=dict(self._model.named_parameters()),
                optimizer=self._steps.optimizer,
                radius=radius,
                training=self._lent.loss(self._placement.moved(next_batch), GeneratorStates.now(device=device)),
                validation=[
                    (self._lent.loss(batch, GeneratorStates.now(device=device)), batch_size(batch) / mean.size)
                    for batch in self._placement.batches(batches)
                ],
            )
        for loss, batch in zip(losses, batches, strict=True):
            mean.add(loss, [], batch=batch)
        mean.gradients = found
        return mean.outcome()

    def _statistics(self, batches: Sequence[object]) -> AbstractContextManager[None]:
        if self._options.statistics == "batch":
            return nullcontext()
        first = batches[: self._options.recalibration_batches]
        return running_statistics(self._members, estimate=(lambda: self._estimate(first)) if first else None)

    def _estimate(self, batches: Sequence[object]) -> None:
        for batch in batches:
            self._loss(batch)

    def _judged(self, batch: object) -> Mapping[str, MetricValue]:
        with mixed_precision(self._placement.device, is_wanted=self._options.autocast):
            metrics = self._trial.validation_step(self._model, batch)
        self._samples.clear()
        return metrics if "loss" in metrics else {**metrics, "loss": self._loss(batch)}


def _gradients(loss: Tensor, gates: Sequence[Tensor]) -> Sequence[Tensor | None]:
    return torch.autograd.grad(loss, gates, allow_unused=True) if gates and loss.requires_grad else [None] * len(gates)
