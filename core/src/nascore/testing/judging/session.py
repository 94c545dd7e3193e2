"""Judging: one session of a tuner with a task as its worker, and what it found.

The worker is asked what the engine would ask: samples in lockstep one-shot, trials one after another otherwise. Every
proposal is checked as the engine checks it. Not here: the tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nascore.errors import StateError, UnsupportedError
from nascore.record import JsonValue, Outcome, OutcomeStatus, Proposal, Task, Told, proposal_seed
from nascore.space import Architecture, MixedDecision
from nascore.testing.judging.task import Answer, JudgedTask, TaskWorker, weights_of
from nascore.tuner import AskStatus, Mode, Schedule, Setup, Tuner
from nascore.tuner.conductor import Conductor

_PREFETCHED = 16
_MOST_SAMPLES = 200_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tuner made of a task.

    Attributes:
        tuner: Name of the tuner.
        task: Name of the task.
        seed: Seed of the session.
        architecture: The architecture it derived, or its best trial.
        distance: In how many decisions that differs from the answer.
        metrics: What that architecture reaches, trained by itself.
        samples: How many samples or trials were spent.
    """

    tuner: str
    task: str
    seed: int
    architecture: Architecture
    distance: int
    metrics: Mapping[str, float]
    samples: int

    @property
    def is_exact(self) -> bool:
        """Whether it is the answer."""
        return self.distance == 0


def judge(
    tuner_type: type[Tuner[Any]],
    task: JudgedTask,
    *,
    seed: int = 1,
    settings: Mapping[str, JsonValue] | None = None,
    mode: Mode | None = None,
    schedule: Schedule | None = None,
    workers: int = 1,
    trials: int | None = None,
) -> Verdict:
    """Let a tuner search, and compare what it finds with the answer.

    Args:
        tuner_type: The tuner.
        task: The task.
        seed: Seed of the session and of the networks; the same seed gives the same verdict.
        settings: Settings of the tuner.
        mode: One-shot or trial by trial; one-shot if the tuner can.
        schedule: How long a one-shot search lasts; the task's own epochs without warm-up if not given.
        workers: How many workers share a one-shot session, and one copy of the weights.
        trials: How many trials; the task's own number if not given.

    Raises:
        UnsupportedError: The tuner cannot tune it, or derives nothing.
        StateError: It waits for outcomes while none is under way, or never ends.
        ArchitectureError: A mixture does not fit the space.
    """
    chosen = mode or (Mode.ONE_SHOT if Mode.ONE_SHOT in tuner_type.modes else Mode.MULTI_TRIAL)
    is_one_shot = chosen is Mode.ONE_SHOT
    setup = Setup(
        task.space,
        (task.objective,),
        seed,
        costs=task.costs,
        batches_per_epoch=task.batches_per_epoch,
        mode=chosen,
        schedule=(schedule or Schedule(task.epochs)) if is_one_shot else None,
        workers=workers if is_one_shot else 1,
        unmixable=task.unmixable if is_one_shot else {},
    )
    search = _Search(Conductor(tuner_type, setup, settings=settings or {}), task, setup)
    found = search.one_shot() if is_one_shot else search.trials(trials or task.trials)
    metrics = task.worker(proposal_seed(seed, 0)).evaluate(found)
    return Verdict(tuner_type.name, task.name, seed, found, task.distance(found), metrics, search.samples)


class _Search:
    """A conductor, the workers it speaks to, and how much was asked."""

    def __init__(self, conductor: Conductor, task: JudgedTask, setup: Setup) -> None:
        self._conductor = conductor
        self._task = task
        self._setup = setup
        # Several workers of one session share one copy of the weights.
        self._worker = task.worker(proposal_seed(setup.seed, 0))
        self.samples = 0

    def one_shot(self) -> Architecture:
        """Exchange samples until the tuner is exhausted, and return what it derives."""
        told: list[Told] = []
        while True:
            proposals, status = self._asked(_PREFETCHED, told)
            told = [self._told(proposal, self._sampled(proposal)) for proposal in proposals]
            if not proposals and status is AskStatus.EXHAUSTED:
                break
            if not proposals or self.samples > _MOST_SAMPLES:
                raise StateError(f"The tuner is stuck: it answers {status.value} after {self.samples} samples.")
        derived = self._conductor.derive(1)
        if not derived:
            raise UnsupportedError("The tuner derived no architecture.")
        return derived[0].architecture

    def trials(self, count: int) -> Architecture:
        """Evaluate architectures one after another, and return the best."""
        best: tuple[float, Architecture] | None = None
        told: list[Told] = []
        while self.samples < count:
            proposals, _ = self._asked(1, told)
            if not proposals or proposals[0].architecture is None:
                break
            architecture = proposals[0].architecture
            metrics = self._worker.evaluate(architecture)
            told = [self._told(proposals[0], Outcome(OutcomeStatus.COMPLETED, metrics))]
            score = self._task.objective.score(metrics)
            if best is None or score > best[0]:
                best = score, architecture
        if best is None:
            raise UnsupportedError("The tuner proposed no architecture.")
        return best[1]

    def _asked(self, want: int, told: list[Told]) -> tuple[tuple[Proposal, ...], AskStatus]:
        seeds = [proposal_seed(self._setup.seed, self.samples + place) for place in range(want)]
        through = told[-1].seq if told else self.samples
        answer = self._conductor.ask(self.samples, seeds, outcomes=told, told_through=through)
        self.samples += len(answer.proposals)
        return answer.proposals, answer.status

    def _told(self, proposal: Proposal, outcome: Outcome) -> Told:
        return Told(proposal.number + 1, proposal, outcome)

    def _sampled(self, proposal: Proposal) -> Outcome:
        return outcome_of(self._worker, proposal, self._task, seed=proposal_seed(self._setup.seed, proposal.number))


def outcome_of(worker: TaskWorker, proposal: Proposal, task: JudgedTask, *, seed: int) -> Outcome:
    """Return what a worker makes of one sample on the batch of a seed.

    Raises:
        ArchitectureError: Its mixture does not fit the space, or mixes what cannot be mixed.
        UnsupportedError: It has a task that no sample has.
    """
    if proposal.task not in (Task.TRAIN, Task.SCORE, Task.GRADIENT):
        raise UnsupportedError(f"Sample {proposal.number} has the task {proposal.task.value}, which no sample has.")
    _refuse_unmixable(proposal, task)
    answer = worker.perform(proposal.task, weights_of(proposal, task.space), seed)
    return Outcome(OutcomeStatus.COMPLETED, answer.metrics, _graded(proposal, answer), batches=1)


def _refuse_unmixable(proposal: Proposal, task: JudgedTask) -> None:
    for each in proposal.mixture.decisions if proposal.mixture is not None else ():
        if each.path in task.unmixable:
            raise UnsupportedError(f"Sample {proposal.number} mixes {each.path!r}. {task.unmixable[each.path]}")


def _graded(proposal: Proposal, answer: Answer) -> tuple[MixedDecision, ...]:
    """The gradient of the graded weights; 0 for the others, as a trial answers."""
    if proposal.mixture is None or proposal.task is Task.SCORE:
        return ()
    return tuple(
        MixedDecision(
            each.path,
            tuple(
                float(value) if index in each.graded else 0.0 for index, value in enumerate(answer.gradient[each.path])
            ),
            each.graded,
        )
        for each in proposal.mixture.decisions
        if each.graded
    )
