"""Trials in the worker's own process: the fastest way (no fork), in which a crash of one trial ends the worker.

Used for ``NASCORE_ISOLATION=none``, for ``nas.search`` in notebooks, and below ``nas.connect``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from nascore.errors import InvalidInputError, LeaseSupersededError, NascoreError, UnavailableError
from nascore.record import EndReason, Lease, Task, Verdict
from nascore.weights.access import WeightAccess

from nas_trial.attempt import Attempt, carry_out, opened_store
from nas_trial.briefing import Briefing
from nas_trial.failures import Stopped
from nas_trial.heartbeat import Heartbeat
from nas_trial.oneshot.carrying import SearchTrial, carry_out_search, settle_search
from nas_trial.oneshot.line import Line
from nas_trial.oneshot.orders import is_judged_on_test
from nas_trial.oneshot.overseer import Ended, Wish
from nas_trial.post import Post, work_through
from nas_trial.termination import Deferral, deferred_termination
from nas_trial.trial import Trial
from nas_trial.trial_log import SharedLog, log_file, logged

logger = logging.getLogger(__name__)

VERDICT_WAIT_S = 2.0
"""How long a report waits for its verdict; the trial trains on after it, and heeds the verdict at the next report."""


class LostLease(BaseException):
    """The running trial is another worker's now: unwinds the user's code, and is caught by the SDK alone."""


class Running:
    """A trial that runs in this process: its reports, and what the heartbeat says of it."""

    def __init__(self, post: Post, lease: Lease, sender: ThreadPoolExecutor) -> None:
        self.lease = lease
        self._post = post
        self._sender = sender
        self._sent: list[Future[Verdict]] = []
        self._stop = ""
        self._lost = ""
        self._wants_saving = False
        self.termination = Deferral()

    def stop(self, reason: str) -> None:
        """End the trial at its next report."""
        self._stop = reason

    def lose(self, reason: str) -> None:
        """Drop the trial at its next report."""
        self._lost = reason

    @property
    def line(self) -> Line:
        """What a search needs beside its lease."""
        return self._post.line(self.lease)

    def save(self) -> None:
        """Save a search at its next sample."""
        self._wants_saving = True

    def wish(self) -> Wish:
        """Say what is wanted of a search; see `Overseer.wish`."""
        self._obey()
        if self.termination.is_asked_for:
            return Wish.END
        return Wish.SAVE if self._wants_saving else Wish.NOTHING

    def saved(self) -> None:
        """Hear that it was saved."""
        self._wants_saving = False

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Send metrics, waiting a little for the verdict; without an answer of the server the trial goes on.

        Raises:
            Stopped: The verdict on this report or an earlier one, or the heartbeat's word.
            LostLease: Another worker has the trial.
        """
        self._sent.append(self._sender.submit(self._post.report, self.lease, step, metrics))
        self._heed(wait_s=VERDICT_WAIT_S)

    def settle(self) -> None:
        """Wait until every report has arrived; those that are refused so late change nothing.

        Raises:
            LostLease: Another worker has the trial.
            UnavailableError: The server was away for longer than patience lasts.
        """
        for sent in self._sent:
            with suppress(InvalidInputError):
                self._verdict(sent)

    def _heed(self, *, wait_s: float) -> None:
        with suppress(TimeoutError):
            self._sent[-1].exception(timeout=wait_s)
        self._obey()

    def _obey(self) -> None:
        while self._sent and self._sent[0].done():
            if self._verdict(self._sent.pop(0)) is Verdict.STOP:
                self._stop = self._stop or "The tuner stopped this trial after a report."
        if self._lost:
            raise LostLease(self._lost)
        if self._stop:
            raise Stopped(self._stop)

    def _verdict(self, sent: Future[Verdict]) -> Verdict:
        try:
            return sent.result()
        except LeaseSupersededError as error:
            raise LostLease(str(error)) from error
        except (InvalidInputError, UnavailableError):
            raise
        except NascoreError as error:
            # A report that is missing harms less than a trial that ends for it.
            logger.warning("Trial %d: a report was not taken: %s", self.lease.trial, error)
            return Verdict.CONTINUE


def work_in_process(
    trial: Trial,
    post: Post,
    *,
    folder: Path | None,
    log: Path | None = None,
    shown: Callable[[], None] = lambda: None,
) -> EndReason | None:
    """Carry out trials in this process until there are no more; return why.

    Args:
        trial: What is searched.
        post: Where trials come from.
        folder: The experiment's folder, for logs and weights.
        log: The one log of all these trials; without it each has a file of its own, which takes longer than a trial
            that trains nothing.
        shown: Called before each trial, to show how far the search is.
    """
    heartbeat = Heartbeat(post.renew)
    sender = ThreadPoolExecutor(1, thread_name_prefix="nascore-reports")
    shared = SharedLog(log)

    def carry(lease: Lease) -> Attempt | None:
        shown()
        running = Running(post, lease, sender)
        heartbeat.keep(lease, running)
        section = logged(log_file(folder, lease.trial), lease) if log is None else shared.section(lease)
        try:
            return _attempt(trial, running, store=store, briefing=post.brief(lease), section=section)
        except LostLease as lost:
            logger.warning("Trial %d was dropped: %s", lease.trial, lost)
            post.held = None
            return None
        finally:
            heartbeat.rest()

    try:
        with opened_store(folder, way=post.way) as store, shared.opened() if log is not None else nullcontext():
            return work_through(post, carry, settle=partial(settle_search, folder, experiment=post.experiment))
    finally:
        heartbeat.close()
        # Every trial waits for its reports; what is left belongs to one that was broken off, and nobody waits for it.
        sender.shutdown(wait=False, cancel_futures=True)


def _attempt(
    trial: Trial,
    running: Running,
    *,
    store: WeightAccess | None,
    briefing: Briefing,
    section: AbstractContextManager[None],
) -> Attempt:
    with section, _back_in_this_folder():
        attempt = _carried_out(trial, running, store=store, briefing=briefing)
    running.settle()
    return attempt


def _carried_out(trial: Trial, running: Running, *, store: WeightAccess | None, briefing: Briefing) -> Attempt:
    lease = running.lease
    if lease.proposal.task is not Task.SEARCH:
        trial.reports_on_test = is_judged_on_test(lease.proposal)
        return carry_out(trial, lease, report=running.report, store=store, briefing=briefing)
    with deferred_termination() as running.termination:
        try:
            return carry_out_search(SearchTrial(trial, lease, running.line, running, store, briefing))
        except Ended:
            # It was asked for by the signal that was put off.
            running.termination.settle()
            raise


@contextmanager
def _back_in_this_folder() -> Iterator[None]:
    """Returns to the current folder, so that a trial which goes elsewhere does not send the next one astray."""
    here = os.getcwd()  # noqa: PTH109 - a path of it costs as much as a small network
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(here)
