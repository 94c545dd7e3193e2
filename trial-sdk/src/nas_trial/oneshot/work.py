"""What a supernet's samples are carried out on, and what becomes of those that fail.

A sample takes the next batches of its half: TRAIN of the weights half, GRADIENT and SCORE of the search split. Not
here: what it does to the supernet (``executor``), and where samples come from (``session``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import torch
from nascore.errors import NascoreError, UnsupportedError
from nascore.record import Budget, Failure, FailureKind, Outcome, OutcomeStatus, Proposal, Task

from nas_trial.failures import outcome_of
from nas_trial.oneshot.executor import Executor
from nas_trial.oneshot.randomness import OwnGenerators
from nas_trial.oneshot.splits import Halves
from nas_trial.oneshot.stream import Stream
from nas_trial.oneshot.tally import Tally
from nas_trial.progress import write_line

MAX_FAILED = 10
"""Samples of a task that may fail in a row before the search does, with the reason of the last."""


class SamplesFailed(NascoreError):
    """Samples failed one after another.

    Attributes:
        outcome: What is recorded of the search: the last one's reason.
    """

    reason = "SAMPLES_FAILED"

    def __init__(self, outcome: Outcome, failure: Failure, *, count: int) -> None:
        message = f"{count} samples in a row failed: {failure.message}"
        super().__init__(message)
        self.outcome = replace(outcome, metrics={}, failure=replace(failure, message=message[:1000]))


class SampleWork:
    """Carries out samples on the two halves of the training data.

    Args:
        executor: The supernet.
        halves: What weights are trained on, and the search split.
        seed: The trial's.

    Attributes:
        batches_per_epoch: Batches of one pass over the weights half.
        tally: The means of the epoch that is under way.
    """

    def __init__(self, executor: Executor, halves: Halves, *, seed: int) -> None:
        self._executor = executor
        self._halves = halves
        self._seed = seed
        self._weights = Stream(halves.first, seed=seed, name="weights")
        self._search = Stream(halves.second, seed=seed, name="search")
        self._failed: Counter[Task] = Counter()
        self.batches_per_epoch = halves.first.count()
        self.tally = Tally()

    @property
    def position(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Epoch and index of the next batch of either half."""
        return self._weights.position, self._search.position

    def go_to(self, weights: tuple[int, int], search: tuple[int, int]) -> None:
        """Go on from a `position`."""
        self._weights.go_to(weights)
        self._search.go_to(search)

    def probed(self) -> Mapping[str, str]:
        """Return what cannot be mixed, found on the batch that the search split gives next."""
        return self._executor.probe(self._search.peek())

    def judging_batches(self, most: int) -> list[object]:
        """Return the batches of the search split on which networks are compared, the same every time."""
        stream = Stream(self._halves.second, seed=self._seed, name="judgement")
        return stream.take(min(most, self._halves.second.count()))

    def outcome(self, sample: Proposal) -> Outcome:
        """Carry out a sample; whatever it raises becomes its outcome.

        Raises:
            UnsupportedError: It would be so with every sample.
            SamplesFailed: Too many have failed in a row.
        """
        count = _batch_count(sample, epoch=self._epoch_of(sample.task))
        try:
            outcome = self._carried_out(sample, count)
        except UnsupportedError:
            # It would be so with every sample: what to choose instead is said.
            raise
        except Exception as error:
            # The border of the user's code, as in nas_trial.attempt.
            outcome = outcome_of(error, metrics={})
        self._note(sample, outcome)
        return replace(outcome, batches=count)

    def _carried_out(self, sample: Proposal, count: int) -> Outcome:
        match sample.task:
            case Task.TRAIN:
                return self._executor.train(sample, self._weights.take(count))
            case Task.SCORE:
                return self._executor.score(sample, self._scored_on(sample, count))
            case Task.GRADIENT:
                ahead = None if sample.unrolled is None else self._weights.peek()
                return self._executor.gradient(sample, self._search.take(count), next_batch=ahead)
            case _:
                raise UnsupportedError(
                    f"Sample {sample.number} has the task {sample.task.value}, which is no task of a sample.",
                    hint="A one-shot tuner proposes TRAIN, SCORE and GRADIENT.",
                )

    def _epoch_of(self, task: Task) -> int:
        return self.batches_per_epoch if task is Task.TRAIN else self._halves.second.count()

    def _scored_on(self, sample: Proposal, count: int) -> list[object]:
        """Return the next batches of the search split; of an epoch all of it, so that networks can be compared."""
        if sample.budget is None or sample.budget.unit != "epochs":
            return self._search.take(count)
        # Orders and transforms that are drawn at random come out alike for every network.
        with OwnGenerators(self._seed).used():
            return list(self._halves.second.whole())

    def _note(self, sample: Proposal, outcome: Outcome) -> None:
        self.tally.add(sample.task, outcome)
        if outcome.failure is None or outcome.status is OutcomeStatus.COMPLETED:
            self._failed[sample.task] = 0
            return
        self._failed[sample.task] += 1
        write_line(f"sample {sample.number} ({sample.task.value}) failed: {outcome.failure.message}")
        if outcome.failure.kind is FailureKind.OUT_OF_MEMORY:
            torch.cuda.empty_cache()
        if self._failed[sample.task] >= MAX_FAILED:
            raise SamplesFailed(outcome, outcome.failure, count=MAX_FAILED)


def _batch_count(sample: Proposal, *, epoch: int) -> int:
    match sample.budget:
        case None:
            return 1
        case Budget("batches", amount) if amount >= 1:
            return int(amount)
        case Budget("epochs", amount) if amount >= 1:
            return int(amount) * epoch
        case budget:
            raise UnsupportedError(
                f"Sample {sample.number} has a budget of {budget.amount:g} {budget.unit}.",
                hint='A sample takes Budget("batches", 1) or Budget("epochs", 1), or more.',
            )
