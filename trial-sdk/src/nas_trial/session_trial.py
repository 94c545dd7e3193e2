"""A trial under a loop of the user's own: what to build, where its metrics go, and how it ends.

Not here: where trials come from (``nas_trial.connect``).
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from nascore.errors import InvalidInputError, StateError, UnsupportedError
from nascore.record import Lease, Outcome, OutcomeStatus, Proposal, Task
from nascore.space import Architecture
from torch import nn

from nas_trial.annotated.declared import declared
from nas_trial.attempt import Attempt, check_supported, opened_store, seed_generators
from nas_trial.briefing import begin
from nas_trial.build import build
from nas_trial.extract import Factory
from nas_trial.failures import Stopped, outcome_of
from nas_trial.in_process import LostLease, Running
from nas_trial.metrics import MetricValue, finite_metrics
from nas_trial.profile import figures_with
from nas_trial.progress import metrics_text, write_line

if TYPE_CHECKING:
    from nas_trial.connect import Session


class SessionTrial:
    """A trial of a session: what to build, and where its metrics go.

    As a context manager it records an exception of its body and swallows it, so that the loop goes on.
    """

    def __init__(self, session: Session, factory: Factory | None) -> None:
        self._session = session
        self._factory = factory
        self._begun: tuple[Lease, Running | None] | None = None
        self._has_ended = False
        self._reported: dict[str, float] = {}
        self._figures: dict[str, float] = {}

    @property
    def number(self) -> int:
        """Number of the trial."""
        return self.begin().trial

    @property
    def architecture(self) -> Architecture:
        """What to build.

        Raises:
            StateError: The first trial of ``nas.connect()`` does not know yet what is built.
            UnsupportedError: The trial is a one-shot search or a mixture.
        """
        return _one_architecture(self.begin().proposal)

    @property
    def proposal(self) -> Proposal:
        """What is tried, with the tuner's budget and notes."""
        return self.begin().proposal

    def build(self, factory: Factory | None = None, *, example: object = None) -> nn.Module:
        """Seed all generators from the trial's seed, and return its network, on the CPU.

        If the proposal names weights to begin with, the network inherits from them by the proposal's rules.

        Args:
            factory: What is built, such as the model's class; may be left out if ``nas.connect(factory)`` was told.
            example: What the network is called with, a tensor or a tuple of them, with a batch of one; needed where
                the experiment limits or optimises the figures of networks, but for their parameters.

        Raises:
            Infeasible: The network is above a limit of the experiment.
            InvalidInputError: No factory was given, here or there.
            UnsupportedError: The proposal is a mixture, or has a task other than evaluate.
        """
        chosen = factory or self._factory
        if chosen is None:
            raise InvalidInputError("trial.build() does not know what to build.", hint="Write trial.build(Net).")
        chosen = declared(chosen)
        self._session.describe(chosen)
        lease = self.begin()
        architecture = _one_architecture(lease.proposal)
        briefing = self._session.brief(lease)
        self._figures = figures_with(
            chosen, architecture, example=example, demands=briefing.demands, objectives=briefing.objectives
        )
        seed_generators(lease.seed)
        model = build(chosen, architecture)
        with opened_store(self._session.folder, way=self._session.way) as store:
            begin(model, briefing, store)
        return model

    def report(self, step: int, **metrics: MetricValue) -> None:
        """Report metrics at a step, which rises.

        Raises:
            Stopped: The trial shall end; what was reported counts.
            MetricError: A metric is not a single number.
            NonFiniteError: A metric is NaN or infinite.
        """
        lease, running = self._running("report")
        where = f"report at step {step} of trial {lease.trial}"
        numbers = self._figures | finite_metrics(metrics, where=where, needed=self._session.objectives)
        self._reported.update(numbers)
        if running is None:
            write_line(f"step {step}  {metrics_text(numbers)}")
            return
        try:
            running.report(step, numbers)
        except LostLease as error:
            self._has_ended = True
            self._session.drop()
            raise Stopped(f"Trial {lease.trial} is another worker's now.") from error

    def finish(self, *, checkpoint: str = "", **metrics: MetricValue) -> None:
        """End the trial with its metrics.

        Args:
            checkpoint: Id of a checkpoint with its weights, as ``nas.save_weights`` returned it, which is told whose
                they are by ``experiment=session.experiment``.
            metrics: What is optimised, at least.

        Raises:
            MetricError: A metric is not a single number.
            NonFiniteError: A metric is NaN or infinite.
            StateError: The trial has ended already.
        """
        lease, running = self._running("finish")
        numbers = self._figures | finite_metrics(
            metrics, where=f"finish of trial {lease.trial}", needed=self._session.objectives
        )
        self._end(Attempt(Outcome(OutcomeStatus.COMPLETED, metrics=numbers), checkpoint), wants_next=True)
        if running is None:
            write_line(metrics_text(numbers))

    def fail(self, error: BaseException) -> None:
        """End the trial as failed; the exception says why."""
        self._running("fail")
        self._end(Attempt(outcome_of(error, metrics=self._reported)), wants_next=True)

    def settle(self) -> None:
        """See that the trial has ended when the loop asks for the next one."""
        if self._begun is not None and not self._has_ended:
            self.fail(StateError("The loop went on to the next trial without trial.finish()."))

    def end(self, error: BaseException, *, wants_next: bool) -> None:
        """End the trial with what left its body."""
        if self._begun is not None and not self._has_ended and isinstance(error, Exception | SystemExit):
            self._end(Attempt(outcome_of(error, metrics=self._reported)), wants_next=wants_next)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._begun is None or not isinstance(error, Exception):
            return False
        self.end(error, wants_next=True)
        # Without a server one debugs, and wants to see the exception.
        return self._begun[1] is not None

    def begin(self) -> Lease:
        """Take the lease, if it was not taken yet.

        Raises:
            StateError: What is built is not known yet, so neither is what is tried.
            SessionEnded: There is no trial any more.
        """
        if self._begun is None:
            self._begun = self._session.begin()
        return self._begun[0]

    def _running(self, call: str) -> tuple[Lease, Running | None]:
        if self._begun is None or self._has_ended:
            state = "has ended already" if self._has_ended else "was not begun; call trial.build(Net) first"
            raise StateError(f"trial.{call}: the trial {state}.")
        return self._begun

    def _end(self, attempt: Attempt, *, wants_next: bool) -> None:
        lease, running = self._running("finish")
        self._has_ended = True
        try:
            if running is not None:
                running.settle()
        except LostLease:
            self._session.drop()
        else:
            self._session.finish(lease, attempt, wants_next=wants_next)


def _one_architecture(proposal: Proposal) -> Architecture:
    if proposal.task is Task.SEARCH:
        raise UnsupportedError(
            f"Trial {proposal.number} is a one-shot search, but nas.connect() trains one architecture a trial.",
            hint="Write the trial as a nas.Trial for nas.run, or choose a tuner of whole trials, such as random.",
        )
    return check_supported(proposal)
