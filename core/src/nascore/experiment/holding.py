"""The words of a worker about a trial that it holds: still here, so far so good, done, or take it back.

Each is checked against the lease, written, and then acknowledged. The same request again gets the same answer; another
result for a trial that has ended is refused, naming the one that stands.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from nascore.errors import ConflictError, InvalidInputError, NascoreError
from nascore.experiment import stopping
from nascore.experiment.asking import Conversation
from nascore.experiment.clock import Clock
from nascore.experiment.events import Event, Finished, Reported, Retried, Returned
from nascore.experiment.finishing import accepted_outcome, accepted_report
from nascore.experiment.leases import held
from nascore.experiment.leasing import Leasing
from nascore.experiment.ledger import Ledger
from nascore.experiment.requests import check_name, expected_reply
from nascore.record import (
    Command,
    ExperimentState,
    Failure,
    FailureKind,
    Outcome,
    OutcomeStatus,
    Renewal,
    Report,
    TrialRecord,
    Verdict,
)

_LOG = logging.getLogger(__name__)


class Holding:
    """Takes the words of workers that hold trials of one experiment."""

    def __init__(self, ledger: Ledger, leasing: Leasing, conversation: Conversation, *, clock: Clock) -> None:
        self._ledger = ledger
        self._leasing = leasing
        self._conversation = conversation
        self._clock = clock

    async def renew(self, worker: str, trial: int, *, epoch: int) -> Renewal:
        """Keep a lease, and return what the trial shall do; see `Engine.renew`."""
        held(self._ledger.state, trial, worker=worker, epoch=epoch)
        duration = self._leasing.renew(trial)
        command = Command.STOP if self._is_stopped else Command.CONTINUE
        await self._ledger.settled()
        return Renewal(command, duration)

    async def report(
        self, worker: str, trial: int, *, epoch: int, request_id: str, step: int, metrics: Mapping[str, float]
    ) -> Verdict:
        """Store intermediate values, and return whether to go on; see `Engine.report`."""
        verdict = self._earlier_verdict(request_id)
        if verdict is None:
            held(self._ledger.state, trial, worker=worker, epoch=epoch)
            report = accepted_report(trial, step, metrics)
            self._check_step(report)
            judged = await self._judged(report)
            await self._ledger.ready()
            verdict = self._earlier_verdict(request_id)  # The same request may have come twice meanwhile.
            if verdict is None:
                held(self._ledger.state, trial, worker=worker, epoch=epoch)
                self._check_step(report)
                verdict = judged
                self._ledger.write(Reported(report, epoch, verdict, request_id))
                self._leasing.renew(trial)
        await self._ledger.settled()
        return verdict

    def finish(
        self, worker: str, trial: int, *, epoch: int, request_id: str, outcome: Outcome, is_retryable: bool,
        checkpoint: str,
    ) -> None:  # fmt: skip
        """Write the end of a trial, or queue it again; the caller waits until it is stored."""
        check_name("request_id", request_id)
        record = self._ledger.state.stored(trial)
        if self._ledger.state.replies.get(request_id) is not None:
            expected_reply(self._ledger.state, request_id, kind=Retried.kind)
            return
        if record.state.is_final and self._is_repeated(record, worker, epoch=epoch, request_id=request_id):
            self._check_same(record, outcome, checkpoint)
            return
        held(self._ledger.state, trial, worker=worker, epoch=epoch)
        accepted = self._accepted(record, outcome)
        if accepted.status is OutcomeStatus.FAILED and is_retryable:
            self._write_end(self._retry(record, accepted, request_id))
        else:
            self._write_end(Finished(trial, epoch, accepted, checkpoint, request_id))

    async def return_lease(self, worker: str, trial: int, *, epoch: int, request_id: str) -> None:
        """Queue a trial again that its worker gives back; see `Engine.return_lease`."""
        if expected_reply(self._ledger.state, request_id, kind=Returned.kind) is None:
            held(self._ledger.state, trial, worker=worker, epoch=epoch)
            self._ledger.write(Returned(trial, epoch, request_id))
            self._leasing.release(trial)
            self._leasing.advance()
        await self._ledger.settled()

    @property
    def _is_stopped(self) -> bool:
        return self._ledger.state.phase is ExperimentState.STOPPED

    def _earlier_verdict(self, request_id: str) -> Verdict | None:
        reply = expected_reply(self._ledger.state, request_id, kind=Reported.kind)
        return None if reply is None else reply.verdict

    def _check_step(self, report: Report) -> None:
        before = self._ledger.state.reports.get(report.number)
        if report.step < 0 or (before and report.step <= before[-1].step):
            last = before[-1].step if before else -1
            raise InvalidInputError(
                f"Trial {report.number}: step {report.step} does not follow the last reported step, {last}.",
                hint="Steps rise within an attempt.",
            )

    async def _judged(self, report: Report) -> Verdict:
        if self._ledger.state.is_ended:
            return Verdict.STOP if self._is_stopped else Verdict.CONTINUE
        try:
            return await self._conversation.review(report)
        except NascoreError as error:  # A tuner that cannot judge must not cost a trial.
            _LOG.warning("Trial %d goes on unjudged: %s", report.number, error)
            self._leasing.note_trouble(str(error))
            return Verdict.CONTINUE

    def _accepted(self, record: TrialRecord, outcome: Outcome) -> Outcome:
        state = self._ledger.state
        reports = state.reports.get(record.number)
        accepted = accepted_outcome(
            outcome, record.proposal, state.known_spec.objectives, last_report=reports[-1] if reports else None
        )
        return replace(accepted, duration_s=self._leasing.duration_s(record.number))

    def _retry(self, record: TrialRecord, outcome: Outcome, request_id: str) -> Event:
        if record.attempt >= stopping.max_attempts(self._ledger.state.known_spec.limits):
            return Finished(record.number, record.epoch, outcome, "", request_id)
        failure = outcome.failure or Failure(FailureKind.EXCEPTION, "Unknown.")
        return Retried(record.number, record.epoch, failure, request_id)

    def _write_end(self, event: Finished | Retried | Event) -> None:
        self._ledger.write(event)
        assert isinstance(event, (Finished, Retried))
        self._leasing.release(event.trial)
        self._leasing.advance()

    def _is_repeated(self, record: TrialRecord, worker: str, *, epoch: int, request_id: str) -> bool:
        """Whether the word comes from the request, or at least the lease, that ended the trial."""
        ended_by = self._ledger.state.requests_of_outcomes.get(record.number, "")
        return ended_by == request_id or bool(ended_by and record.epoch == epoch and record.worker == worker)

    def _check_same(self, record: TrialRecord, outcome: Outcome, checkpoint: str) -> None:
        stored = record.outcome
        assert stored is not None
        said = replace(self._accepted(record, outcome), duration_s=stored.duration_s)
        if said != stored or checkpoint != record.checkpoint:
            shown = stored.metrics or (stored.failure and stored.failure.message) or "no metrics"
            raise ConflictError(
                f"Trial {record.number} has ended already as {stored.status.value} ({shown}); this outcome differs.",
                hint="The stored one stands; drop this one.",
            )
