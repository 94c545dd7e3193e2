"""The process of a trial, from the fork to its result.

It talks to the supervisor alone: a lease comes in, reports and one result go out. On a GPU it stays for further leases,
since a CUDA context costs seconds; elsewhere it ends after the first.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import torch
from nascore.errors import InvalidInputError
from nascore.record import Lease, OutcomeStatus, Task

from nas_trial.attempt import Attempt, carry_out, opened_store
from nas_trial.briefing import Briefing
from nas_trial.failures import Stopped
from nas_trial.isolation.channel import Channel
from nas_trial.isolation.leases import attempt_to_message, briefing_from_message, lease_from_message
from nas_trial.isolation.linux import die_with_parent
from nas_trial.isolation.shortage import go_first
from nas_trial.nni.script import ScriptTrial
from nas_trial.oneshot.carrying import SearchTrial, carry_out_search
from nas_trial.oneshot.orders import is_judged_on_test
from nas_trial.oneshot.overseer import Ended, Wish
from nas_trial.remote_line import line_of
from nas_trial.termination import end_forks_by_signals
from nas_trial.trial import Trial
from nas_trial.trial_log import begin_section, flush, log_file, redirect

VERDICT_WAIT_S = 2.0
"""How long a report waits for its verdict; the trial trains on after it, and heeds the verdict at the next report."""


def run_child(trial: Trial, channel: Channel, *, parent: int, folder: Path | None, threads: int) -> None:
    """Carry out what is leased over ``channel``, then end this process; does not return.

    Args:
        trial: What is searched.
        channel: To the supervisor.
        parent: Process id of the template, with which this process dies.
        folder: The experiment's folder.
        threads: CPU threads of torch.
    """
    die_with_parent(parent)
    end_forks_by_signals()
    go_first()
    torch.set_num_threads(threads)
    code = 1
    try:
        while _carry_out_next(trial, channel, folder=folder):
            gc.collect()
            torch.cuda.empty_cache()
        code = 0
    except BaseException:
        # The border of the process; its log is where one looks for the reason.
        traceback.print_exc()
    finally:
        # Nothing of the template's (exit handlers, buffers) may run a second time here.
        flush()
        os._exit(code)


def _carry_out_next(trial: Trial, channel: Channel, *, folder: Path | None) -> bool:
    """Returns whether this process may serve another trial."""
    message = channel.receive()
    if message is None:
        return False
    lease = lease_from_message(message["lease"])
    log = log_file(folder, lease.trial)
    if log is None:
        begin_section(lease)
    elif redirect(log, lease):
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    faulthandler.enable(file=2)
    reporter = _Reporter(channel)
    briefing = briefing_from_message(message["briefing"])
    try:
        attempt = _attempt(trial, lease, reporter, way=message.get("way", {}), folder=folder, briefing=briefing)
    except Ended:
        return False
    flush()
    has_succeeded = attempt.outcome.status in (OutcomeStatus.COMPLETED, OutcomeStatus.PRUNED)
    stays = has_succeeded and is_costly_to_start(trial.device)
    channel.send({"result": attempt_to_message(attempt), "stays": stays})
    return stays


def _attempt(
    trial: Trial,
    lease: Lease,
    reporter: _Reporter,
    *,
    way: Mapping[str, str],
    folder: Path | None,
    briefing: Briefing,
) -> Attempt:
    if isinstance(trial, ScriptTrial):
        return trial.carry_out(lease, objectives=briefing.objectives, report=reporter.report)
    with opened_store(folder, way=way) as store:
        if lease.proposal.task is Task.SEARCH:
            return carry_out_search(SearchTrial(trial, lease, line_of(way, lease), reporter, store, briefing))
        trial.reports_on_test = is_judged_on_test(lease.proposal)
        return carry_out(trial, lease, report=reporter.report, store=store, briefing=briefing)


def is_costly_to_start(device: str) -> bool:
    """Whether a process on this device is worth keeping for further trials: a CUDA context takes seconds."""
    return device.startswith("cuda")


class _Reporter:
    """Sends reports, raises ``Stopped`` once the supervisor says so, and passes its wishes on to a search."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sent = 0
        self._answered = 0
        self._wish = Wish.NOTHING

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        self._channel.send({"report": {"step": step, "metrics": dict(metrics)}})
        self._sent += 1
        deadline = time.monotonic() + VERDICT_WAIT_S
        while self._channel.has_message(max(0.0, deadline - time.monotonic()) if self._answered < self._sent else 0):
            self._heed()

    def wish(self) -> Wish:
        """Say what the supervisor wants; see `Overseer.wish`."""
        while self._channel.has_message(0):
            self._heed()
        return self._wish

    def saved(self) -> None:
        """Tell the supervisor that its wish is fulfilled."""
        self._wish = Wish.NOTHING
        self._channel.send({"saved": True})

    def _heed(self) -> None:
        message = self._channel.receive()
        if message is None:
            raise SystemExit("The worker is gone.")
        if "stop" in message:
            raise Stopped(message["stop"])
        if "save" in message:
            self._wish = Wish[message["save"]]
            return
        self._answered += 1
        if "refused" in message:
            raise InvalidInputError(message["refused"])
