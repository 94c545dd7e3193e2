"""Stages: a search space, a mode and a worker's answers, on which a tuner is examined.

Outcomes are made up from the proposal's number alone, so that they are the same whoever asks. Not here: tasks with a
known answer (``nascore.testing.judging``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nascore.record import Failure, FailureKind, Objective, Outcome, OutcomeStatus, Proposal, Schedule, proposal_seed
from nascore.space import MixedDecision, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, LITTLE_SPACES
from nascore.tuner.contract import Mode, Setup

METRIC = "accuracy"
BATCHES_PER_EPOCH = 3
WARMUP_EPOCHS, EPOCHS = 1, 1
_BATCH_S = 0.01
ODD_STATUSES = (
    OutcomeStatus.FAILED,
    OutcomeStatus.INFEASIBLE,
    OutcomeStatus.NON_FINITE,
    OutcomeStatus.PRUNED,
)
_FAILURES: Mapping[OutcomeStatus, FailureKind] = {
    OutcomeStatus.FAILED: FailureKind.EXCEPTION,
    OutcomeStatus.INFEASIBLE: FailureKind.INFEASIBLE,
    OutcomeStatus.NON_FINITE: FailureKind.NON_FINITE,
}
FAVOURITES: Mapping[Mode, tuple[str, ...]] = {
    Mode.MULTI_TRIAL: ("flat28", "nasbench201", "nested", "repeats", "numeric", "mixed"),
    Mode.ONE_SHOT: ("nasbench201", "mixed", "nested", "flat28"),
}
"""Names of the spaces that may serve as the main stage, best first: large enough that equal proposals mean something,
and small enough that a whole one-shot search takes a moment."""


def completed(proposal: Proposal) -> Outcome:
    """Return that a trial or sample went well; the values depend on its number alone."""
    value = _fraction(proposal.number)
    return Outcome(
        OutcomeStatus.COMPLETED,
        {"loss": 2.0 - value, METRIC: value},
        _gradient(proposal),
        batches=1,
        duration_s=_BATCH_S,
    )


def mostly_well(proposal: Proposal) -> Outcome:
    """Return how a trial ended: one in five not well, in every way there is."""
    return odd_every(5, proposal)


def odd_every(period: int, proposal: Proposal) -> Outcome:
    """Return how a trial ended where one in ``period`` does not complete."""
    round_, place = divmod(proposal.number, period)
    if place != period - 1:
        return completed(proposal)
    return ended(ODD_STATUSES[round_ % len(ODD_STATUSES)])


def ended(status: OutcomeStatus) -> Outcome:
    """Return the outcome of a trial that did not complete."""
    if status is OutcomeStatus.PRUNED:
        return Outcome(status, {METRIC: 0.25, "loss": 1.75})
    return Outcome(status, failure=Failure(_FAILURES[status], f"The trial ended as {status.value}."))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a tuner is examined.

    Attributes:
        name: Name of the space.
        setup: What the tuner is opened with.
        outcome_of: What comes of a proposal.
    """

    name: str
    setup: Setup
    outcome_of: Callable[[Proposal], Outcome] = mostly_well

    @property
    def is_one_shot(self) -> bool:
        """Whether samples are exchanged, not trials."""
        return self.setup.mode is Mode.ONE_SHOT

    def with_seed(self, seed: int) -> Stage:
        """Return the same with another seed of the experiment."""
        return replace(self, setup=replace(self.setup, seed=seed))

    def seed_of(self, number: int) -> int:
        """Return the seed of a proposal."""
        return proposal_seed(self.setup.seed, number)


def stage_of(name: str, space: SearchSpace, *, mode: Mode, seed: int, workers: int = 1) -> Stage:
    """Return the stage of a space in a mode."""
    if mode is Mode.MULTI_TRIAL:
        return Stage(name, Setup(space, (Objective(METRIC),), seed))
    setup = Setup(
        space,
        (Objective(METRIC),),
        seed,
        batches_per_epoch=BATCHES_PER_EPOCH,
        mode=mode,
        schedule=Schedule(EPOCHS, warmup_epochs=WARMUP_EPOCHS),
        workers=workers,
    )
    return Stage(name, setup, completed)


def named_spaces(mode: Mode) -> dict[str, SearchSpace]:
    """Return the known spaces and the little ones, by name; favourites of a mode first."""
    little = {f"little {name}": space for name, space in LITTLE_SPACES.items()}
    known = {name: KNOWN_SPACES[name] for name in (*FAVOURITES[mode], *KNOWN_SPACES)}
    return {**known, **little}


def _fraction(number: int) -> float:
    return proposal_seed(0xACC, number) / 2**64


def _gradient(proposal: Proposal) -> tuple[MixedDecision, ...]:
    """The gradient of the graded weights, 0 for the others, as a trial answers."""
    if proposal.mixture is None:
        return ()
    return tuple(
        MixedDecision(
            mixed.path,
            tuple(
                _fraction(proposal.number * 977 + place * 31 + index) - 0.5 if index in mixed.graded else 0.0
                for index in range(len(mixed.weights))
            ),
            mixed.graded,
        )
        for place, mixed in enumerate(proposal.mixture.decisions)
        if mixed.graded
    )
