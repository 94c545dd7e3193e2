"""A worker's post: the calls that it may make, bound to its experiment and its name, and the lease that it holds.

``nas_trial.remote_post`` makes them over gRPC; ``nas.search`` makes them on an engine in the same process. Not here:
what is done with a lease.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from nascore.errors import InvalidInputError, NascoreError, StateError, UnavailableError
from nascore.record import (
    EndReason,
    FailureKind,
    Lease,
    LeaseAnswer,
    LeaseStatus,
    Objective,
    OutcomeStatus,
    Registration,
    Renewal,
    TrialRecord,
    Verdict,
)
from nascore.space import SearchSpace
from nascore.weights import OWN

from nas_trial.attempt import Attempt
from nas_trial.briefing import Briefing, briefing_of
from nas_trial.failures import failed
from nas_trial.oneshot.line import Line
from nas_trial.profile.demands import Demands

logger = logging.getLogger(__name__)

WAIT_S = 30.0
"""How long the server may wait for a trial before it answers that there is none yet, seconds."""

_RETURN_WITHIN_S = 4.0
_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, *(10.0,) * 12)

AnswerT = TypeVar("AnswerT")


class Post(ABC):
    """What a worker asks of its experiment; all calls may come from any thread.

    Args:
        experiment: Id of the experiment.

    Attributes:
        experiment: Id of the experiment, whose the weights of its trials are.
        held: The lease that this worker holds; ``None`` for none.
        objectives: Names of the metrics that are optimised, once the space is registered.
        goal: The first of them.
        demands: What is demanded of the cost of networks.
    """

    def __init__(self, experiment: str = OWN) -> None:
        self.experiment = experiment
        self.held: Lease | None = None
        self.objectives: tuple[str, ...] = ()
        self.goal: Objective | None = None
        self.demands = Demands()

    def register(self, space: SearchSpace, *, devices: tuple[str, ...] = ()) -> Registration:
        """Say which space this worker builds."""
        registration = self._register(space, devices=devices)
        self.objectives = tuple(objective.metric for objective in registration.objectives)
        self.goal = next(iter(registration.objectives), None)
        return registration

    def recover(self) -> LeaseAnswer | None:
        """Deliver what an earlier process of this worker has left behind; the next lease, if it came with the answer.

        Raises:
            UnavailableError: The server was away for too long.
        """
        return None

    def brief(self, lease: Lease) -> Briefing:
        """Return what is known of a trial beyond its lease."""
        known = briefing_of(lease.proposal, objectives=self.objectives, trial=self.trial)
        return replace(known, demands=self.demands, goal=self.goal, experiment=self.experiment)

    @property
    def way(self) -> Mapping[str, str]:
        """How a trial's own process reaches the server, as the variables of a worker's environment."""
        return {}

    @abstractmethod
    def line(self, lease: Lease) -> Line:
        """Return what a SEARCH trial needs beside its lease."""

    @abstractmethod
    def close(self) -> None:
        """End all calls, those that wait for the server included."""

    @abstractmethod
    def _register(self, space: SearchSpace, *, devices: tuple[str, ...]) -> Registration: ...

    @abstractmethod
    def renew(self, lease: Lease) -> Renewal:
        """Keep a lease."""

    @abstractmethod
    def report(self, lease: Lease, step: int, metrics: Mapping[str, float]) -> Verdict:
        """Send intermediate metrics."""

    @abstractmethod
    def trial(self, number: int) -> TrialRecord:
        """Return an earlier trial."""

    @abstractmethod
    def _lease(self) -> LeaseAnswer: ...

    @abstractmethod
    def _finish(self, lease: Lease, attempt: Attempt, *, wants_next: bool) -> LeaseAnswer | None: ...

    @abstractmethod
    def _give_back(self, lease: Lease) -> None: ...

    def lease(self) -> LeaseAnswer:
        """Wait some time for a trial."""
        answer = self._lease()
        self.held = answer.lease
        return answer

    def finish(self, lease: Lease, attempt: Attempt, *, wants_next: bool = True) -> LeaseAnswer | None:
        """End a trial; the answer is the next lease, if it is wanted."""
        answer = self._finish(lease, attempt, wants_next=wants_next)
        self.held = None if answer is None else answer.lease
        return answer

    def give_back(self) -> None:
        """Return the held lease undone; waits a few seconds at most, and an unreachable server is no error."""
        lease, self.held = self.held, None
        if lease is None:
            return
        # On a thread, so that a server which does not answer cannot keep a worker that was told to end.
        returning = threading.Thread(target=self._give_back_quietly, args=(lease,), daemon=True)
        returning.start()
        returning.join(_RETURN_WITHIN_S)

    def _give_back_quietly(self, lease: Lease) -> None:
        try:
            self._give_back(lease)
        except NascoreError as error:
            logger.warning("The lease of trial %d was not returned; it will run out: %s", lease.trial, error)


def persistently(call: Callable[[], AnswerT]) -> AnswerT:
    """Make a call again while the server answers that it cannot do it at present: a full disk, a tuner that crashed.

    Raises:
        NascoreError: It still cannot after some minutes, or the error is of another kind.
    """
    for pause_s in _PAUSES_S:
        try:
            return call()
        except UnavailableError:
            # The client was patient already.
            raise
        except NascoreError as error:
            if not error.is_retryable:
                raise
            logger.warning("Trying again in %g s: %s", pause_s, error)
            time.sleep(pause_s)
    return call()


def work_through(
    post: Post, carry: Callable[[Lease], Attempt | None], *, settle: Callable[[Lease], None] = lambda lease: None
) -> EndReason | None:
    """Lease trials and carry them out until there are none; return why there are no more.

    What an earlier process of this worker has finished is delivered first.

    Args:
        post: Where trials come from.
        carry: Carries out a trial; returns ``None`` if the lease was lost meanwhile.
        settle: Called once the result of a trial was taken, unless another attempt may follow.
    """
    answer = post.recover()
    while answer is None or answer.status is not LeaseStatus.ENDED:
        if answer is None or answer.lease is None:
            answer = persistently(post.lease)
            continue
        lease = answer.lease
        attempt = carry(lease)
        answer = None if attempt is None else finished(post, lease, attempt)
        if attempt is not None and answer is not None and not attempt.is_retryable:
            settle(lease)
    return answer.end_reason


def finished(post: Post, lease: Lease, attempt: Attempt, *, wants_next: bool = True) -> LeaseAnswer | None:
    """End a trial, as failed if the server refuses its result; one that comes too late is dropped."""
    try:
        return persistently(lambda: post.finish(lease, attempt, wants_next=wants_next))
    except InvalidInputError as error:
        message = f"The result was refused: {error}"
        refused = Attempt(failed(OutcomeStatus.FAILED, FailureKind.EXCEPTION, message=message))
        return persistently(lambda: post.finish(lease, refused, wants_next=wants_next))
    except StateError as error:
        logger.warning("Trial %d: the result was not taken: %s", lease.trial, error)
        post.held = None
        return None
