"""The supervisor of a worker: speaks to the server, has the template fork a process for each trial, and attends it.

Not here: training (``nas_trial.isolation.child``) and forking (``nas_trial.isolation.template``). This process has
threads of gRPC and so never forks itself.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import select
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nascore.errors import DataLossError, InvalidInputError, LeaseSupersededError, NascoreError, UnavailableError
from nascore.record import Failure, FailureKind, Lease, Outcome, OutcomeStatus, Task, Verdict

from nas_trial.attempt import Attempt
from nas_trial.failures import failed
from nas_trial.heartbeat import Heartbeat
from nas_trial.isolation import Channel, attempt_of_death
from nas_trial.isolation.death import attempt_without_template
from nas_trial.isolation.leases import attempt_from_message, briefing_to_message, lease_to_message
from nas_trial.isolation.shortage import Kills
from nas_trial.oneshot.overseer import Wish
from nas_trial.orders import Orders
from nas_trial.post import Post
from nas_trial.trial_log import length, log_file
from nas_trial.trial_process import TrialProcess

logger = logging.getLogger(__name__)

STOP_WAIT_S = 30.0
"""How long a trial that is told to stop may go on, for it heeds at its next report; then its process is ended."""

SAVE_WAIT_S = 6.0
"""How long a search may take to be saved when the worker is told to end."""

_EXIT_WAIT_S = 1.0
_KILLED_WAIT_S = 30.0


class Supervisor:
    """Carries out leases through the template's children, one at a time.

    Args:
        post: The worker's post at its experiment.
        template: Channel to the template.
        folder: The experiment's folder, for logs.
    """

    def __init__(self, post: Post, template: Channel, *, folder: Path | None) -> None:
        self._post = post
        self._template = template
        self._folder = folder
        self._heartbeat = Heartbeat(post.renew)
        self._identifiers = itertools.count()
        self._child: TrialProcess | None = None
        self._woken, self._wake = os.pipe()
        self._kills = Kills()
        self._kills_before = 0
        self._is_search = False

    def carry(self, lease: Lease) -> Attempt | None:
        """Carry out a trial in a process of its own; ``None`` if another worker has it now.

        Raises:
            TemplateDied: After this, no trial can be started.
        """
        orders = Orders(self._wake)
        self._heartbeat.keep(lease, orders)
        log = log_file(self._folder, lease.trial)
        begun_at = length(log)
        self._kills_before = self._kills.count()
        try:
            child = self._ready_child()
            briefing = briefing_to_message(self._post.brief(lease))
            request = {"lease": lease_to_message(lease), "briefing": briefing}
            self._is_search = lease.proposal.task is Task.SEARCH
            if self._is_search or self._folder is None:
                request["way"] = dict(self._post.way)
            child.channel.send(request)
            return self._attend(child, lease, orders, log=log, begun_at=begun_at)
        except LeaseSupersededError as error:
            logger.warning("Trial %d was dropped: %s", lease.trial, error)
            self.kill()
            self._post.held = None
            return None
        except (BrokenPipeError, ConnectionResetError):
            return self._died(log, begun_at)
        finally:
            self._heartbeat.rest()

    def save(self) -> None:
        """Have the running search saved, if there is one, and wait for it some seconds; other trials keep no state."""
        child = self._child
        if child is None or not self._is_search:
            return
        ends_at = time.monotonic() + SAVE_WAIT_S
        # A process that dies or does not speak in time has what it saved before.
        with suppress(OSError, DataLossError):
            child.channel.send({"save": Wish.END.name})
            while child.channel.has_message(max(0.0, ends_at - time.monotonic())):
                message = child.channel.receive()
                if message is None or "saved" in message:
                    return

    def kill(self) -> None:
        """End the running trial's process at once, if there is one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.channel.close()
        child.kill()

    def _ready_child(self) -> TrialProcess:
        """Returns the process that stayed for another trial, or a new one."""
        if self._child is None:
            self._child = TrialProcess.start(next(self._identifiers), self._template)
        return self._child

    def _attend(
        self, child: TrialProcess, lease: Lease, orders: Orders, *, log: Path | None, begun_at: int
    ) -> Attempt | None:
        while True:
            sources = [child.channel.fileno(), self._template.fileno(), self._woken]
            left = None if orders.kill_at == math.inf else max(0.0, orders.kill_at - time.monotonic())
            ready, _, _ = select.select(sources, [], [], left)
            if not ready:
                return self._stopped_by_force(orders)
            if self._woken in ready:
                os.read(self._woken, 1)
                self._obey(child, orders)
            has_template = self._template.fileno() not in ready or child.heed_template()
            # What it sent before its end comes first.
            has_message = child.channel.has_message(0)
            if not has_message and (child.status is not None or not has_template):
                return self._died(log, begun_at)
            if has_message:
                message = self._received(child)
                if message is None:
                    return self._died(log, begun_at)
                if "result" in message:
                    return self._result(child, message)
                if "report" in message:
                    self._relay(child, lease, message["report"], orders)

    def _stopped_by_force(self, orders: Orders) -> Attempt:
        """Ends a trial that does not heed; without metrics of its own, those of its last report count."""
        child = self._child
        self.kill()
        if child is not None:
            child.status_within(_KILLED_WAIT_S)
        message = f"{orders.stop_reason} It did not within {STOP_WAIT_S:g} s, so its process was ended."
        return Attempt(Outcome(OutcomeStatus.PRUNED, failure=Failure(FailureKind.STOPPED, message)))

    def _received(self, child: TrialProcess) -> dict[str, Any] | None:
        try:
            return child.channel.receive()
        except DataLossError as error:
            logger.warning("The trial's process is ended: %s", error)
            child.kill()
            return None

    def _obey(self, child: TrialProcess, orders: Orders) -> None:
        if orders.lost_reason:
            raise LeaseSupersededError(orders.lost_reason)
        if orders.wants_saving and self._is_search:
            child.channel.send({"save": Wish.SAVE.name})
        orders.wants_saving = False
        if orders.stop_reason:
            self._stop(child, orders)

    def _stop(self, child: TrialProcess, orders: Orders) -> None:
        if orders.kill_at == math.inf:
            orders.kill_at = time.monotonic() + STOP_WAIT_S
            child.channel.send({"stop": orders.stop_reason})

    def _relay(self, child: TrialProcess, lease: Lease, report: dict[str, Any], orders: Orders) -> None:
        try:
            verdict = self._post.report(lease, report["step"], report["metrics"])
        except (LeaseSupersededError, UnavailableError):
            raise
        except InvalidInputError as error:
            child.channel.send({"refused": str(error)})
            return
        except NascoreError as error:
            # A report that is missing harms less than a trial that ends for it.
            logger.warning("Trial %d: a report was not taken: %s", lease.trial, error)
            verdict = Verdict.CONTINUE
        if verdict is Verdict.STOP:
            orders.stop_reason = "The tuner stopped this trial after a report."
            self._stop(child, orders)
        else:
            child.channel.send({"verdict": verdict.value})

    def _result(self, child: TrialProcess, message: dict[str, Any]) -> Attempt:
        if not message["stays"]:
            child.channel.close()
            self._child = None
        try:
            return attempt_from_message(message["result"])
        except (KeyError, TypeError, ValueError) as error:
            text = f"The trial's process sent a result that does not read as one: {error!r}."
            return Attempt(failed(OutcomeStatus.FAILED, FailureKind.EXCEPTION, message=text))

    def _died(self, log: Path | None, begun_at: int) -> Attempt:
        """Finds out how the current child ended; one that only closed its channel is killed."""
        child, self._child = self._child, None
        status = None if child is None else self._end_of(child)
        if status is None:
            return attempt_without_template()
        ran_out_of_memory = self._kills.count() > self._kills_before
        attempt = attempt_of_death(status, log=log, begun_at=begun_at, ran_out_of_memory=ran_out_of_memory)
        # A search goes on from where it was saved, so its death costs little more than a minute.
        return replace(attempt, is_retryable=attempt.is_retryable or self._is_search)

    def _end_of(self, child: TrialProcess) -> int | None:
        status = child.status_within(_EXIT_WAIT_S)
        if status is None:
            child.kill()
            status = child.status_within(_KILLED_WAIT_S)
        return status
