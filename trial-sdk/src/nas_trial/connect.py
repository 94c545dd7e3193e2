"""``nas.connect``: trials for a training loop of your own.

::

    with nas.connect(Net) as session:
        for trial in session:
            with trial:
                model = trial.build()
                for epoch in range(5):
                    ...
                    trial.report(epoch + 1, accuracy=accuracy)
                trial.finish(accuracy=accuracy)

The server must know the space before it gives out the first trial. With ``nas.connect(Net)`` it is read at once. With
``nas.connect()`` the first trial of the loop is taken only when its ``build(Net)`` is called, which says what is built.

``with trial:`` records an exception of its body as the trial's failure (a ``nas.Stopped`` as pruned) and goes on with
the next one. Without it, an exception is recorded too, but leaves the loop, as exceptions do. All trials share this
process. Without a server there is one trial, of the default architecture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import torch
from nascore.errors import StateError, UnsupportedError
from nascore.failpoints import VARIABLE, arm
from nascore.record import Lease, LeaseAnswer, LeaseStatus, Proposal
from nascore.space import SearchSpace
from nascore.weights import OWN

from nas_trial.annotated.declared import declared
from nas_trial.attempt import Attempt
from nas_trial.briefing import Briefing
from nas_trial.environment import WorkerEnvironment, core_count
from nas_trial.extract import Factory, check_factory, extract
from nas_trial.heartbeat import Heartbeat
from nas_trial.in_process import Running
from nas_trial.post import Post, finished
from nas_trial.remote_post import connected
from nas_trial.session_trial import SessionTrial
from nas_trial.space_file import write_space
from nas_trial.termination import Terminated, end_of_termination, on_termination


def connect(factory: Factory | None = None) -> Session:
    """Return the session of this process with the experiment that its environment names; use it in ``with``.

    Args:
        factory: What trials build, such as the model's class; ``None`` leaves it to the first ``trial.build(factory)``.

    Raises:
        SettingsError: The environment is not complete.
    """
    return Session(factory)


class SessionEnded(BaseException):
    """There is no trial any more: leaves the loop from within ``trial.build``, and is caught by the session."""


class Session:
    """A loop's source of trials; one thread uses it.

    Attributes:
        folder: The experiment's folder; ``None`` without a server.
        experiment: Id of the experiment, for weights that the loop saves; ``default`` without a server.
    """

    def __init__(self, factory: Factory | None) -> None:
        if factory is not None:
            check_factory(factory)
        self._factory = None if factory is None else declared(factory)
        self._environment = WorkerEnvironment.read(os.environ) if os.environ.get("NASCORE_SERVER") else None
        self._task = os.environ.get("NASCORE_TASK", "")
        if hub := os.environ.get("NASCORE_SPACE"):
            hint = "Write the trial as a nas.Trial for `nas.run`, or build the model of nas.hub.model(...) in the loop."
            raise UnsupportedError(f"{hub} stands in for the model of a nas.Trial, and this is nas.connect.", hint=hint)
        self._post: Post | None = None
        self._space: SearchSpace | None = None
        self._answer: LeaseAnswer | None = None
        self._current: SessionTrial | None = None
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="nascore-reports")
        self._heartbeat: Heartbeat | None = None
        self.folder = None if self._environment is None else self._environment.folder
        self.experiment = OWN if self._environment is None else self._environment.experiment

    def __enter__(self) -> Self:
        torch.set_num_threads(core_count() if self._environment is None else self._environment.threads)
        if self._environment is not None:
            arm(os.environ.get(VARIABLE, ""))
            on_termination()
        if self._factory is not None:
            self.describe(self._factory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Terminated):
            end_of_termination()
        trial, self._current = self._current, None
        if error is not None and trial is not None:
            trial.end(error, wants_next=False)
        if self._post is not None:
            self._post.give_back()
        if self._heartbeat is not None:
            self._heartbeat.close()
        self._sender.shutdown(wait=False, cancel_futures=True)
        if self._post is not None:
            self._post.close()
        if isinstance(error, Terminated):
            raise SystemExit(error.exit_code)
        return isinstance(error, SessionEnded)

    def __iter__(self) -> Iterator[SessionTrial]:
        """Yield trials until the experiment ends; without a server, one."""
        while self._environment is not None or self._current is None:
            self._current = SessionTrial(self, self._factory)
            if self._space is not None:
                if not self.lease():
                    return
                self._current.begin()
            yield self._current
            self._current.settle()

    def describe(self, factory: Factory) -> None:
        """Say what is built; the first one counts.

        Raises:
            SystemExit: This process was started only to say so.
        """
        if self._space is not None:
            return
        factory = declared(factory)
        if self._task == "space":
            write_space(factory, os.environ)
            raise SystemExit(0)
        self._factory, self._space = factory, extract(factory)
        if self._environment is not None:
            self._post = connected(self._environment)
            self._post.register(self._space)
            self._answer = self._post.recover()
            self._heartbeat = Heartbeat(self._post.renew)

    def lease(self) -> bool:
        """Take the next trial, if none was taken yet; whether there is one."""
        if self._post is None:
            self._answer = LeaseAnswer(LeaseStatus.GRANTED, self._default_lease())
        while self._post is not None and (self._answer is None or self._answer.status is LeaseStatus.NONE_YET):
            self._answer = self._post.lease()
        return self._answer is not None and self._answer.lease is not None

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the metrics that are optimised; empty without a server."""
        return () if self._post is None else self._post.objectives

    @property
    def way(self) -> Mapping[str, str]:
        """How weights are reached that no folder here has; empty without a server."""
        return {} if self._post is None else self._post.way

    def brief(self, lease: Lease) -> Briefing:
        """Return what is known of a trial beyond its lease."""
        return Briefing() if self._post is None else self._post.brief(lease)

    def begin(self) -> tuple[Lease, Running | None]:
        """Begin the trial that was taken.

        Raises:
            StateError: What is built is not known yet.
            SessionEnded: There is none.
        """
        if self._space is None:
            raise StateError("What is tried depends on what is built.", hint="Call trial.build(Net) first.")
        if not self.lease() or self._answer is None or self._answer.lease is None:
            raise SessionEnded
        lease = self._answer.lease
        running = None
        if self._post is not None and self._heartbeat is not None:
            running = Running(self._post, lease, self._sender)
            self._heartbeat.keep(lease, running)
        return lease, running

    def finish(self, lease: Lease, attempt: Attempt, *, wants_next: bool) -> None:
        """End the trial that was begun."""
        self._answer = None
        if self._heartbeat is not None:
            self._heartbeat.rest()
        if self._post is not None:
            self._answer = finished(self._post, lease, attempt, wants_next=wants_next)

    def drop(self) -> None:
        """Forget the trial that was begun; another worker has it."""
        self._answer = None
        if self._heartbeat is not None:
            self._heartbeat.rest()
        if self._post is not None:
            self._post.held = None

    def _default_lease(self) -> Lease:
        assert self._space is not None
        return Lease(0, 1, float("inf"), Proposal(0, self._space.default()), seed=0, attempt=1)
