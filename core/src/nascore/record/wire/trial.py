"""Trials and leases to and from protobuf."""

from __future__ import annotations

from nascore.errors import InvalidInputError
from nascore.record.trial import EndReason, Lease, LeaseAnswer, LeaseStatus, TrialRecord
from nascore.record.wire.enums import LEASE_STATUS, TRIAL_STATE
from nascore.record.wire.outcome import (
    outcome_from_message,
    outcome_to_message,
    report_from_message,
    report_to_message,
)
from nascore.record.wire.proposal import proposal_from_message, proposal_to_message
from nascore.v1 import experiment_pb2, trial_pb2


def end_reason_from_text(text: str) -> EndReason | None:
    """Return the reason that ``text`` names; ``None`` for empty text.

    Raises:
        InvalidInputError: If it names none of ours.
    """
    if not text:
        return None
    try:
        return EndReason(text)
    except ValueError:
        raise InvalidInputError(f"end_reason: {text!r} is not one of {', '.join(EndReason)}.") from None


def lease_to_message(lease: Lease) -> trial_pb2.Lease:
    """Return the message of a lease."""
    return trial_pb2.Lease(
        trial=lease.trial,
        epoch=lease.epoch,
        duration_s=lease.duration_s,
        proposal=proposal_to_message(lease.proposal),
        seed=lease.seed,
        attempt=lease.attempt,
    )


def lease_from_message(message: trial_pb2.Lease) -> Lease:
    """Return the lease of a message; raises as its proposal does."""
    proposal = proposal_from_message(message.proposal)
    return Lease(message.trial, message.epoch, message.duration_s, proposal, message.seed, message.attempt)


def lease_answer_to_message(answer: LeaseAnswer) -> trial_pb2.LeaseTrialResponse:
    """Return the message of an answer to a request for work."""
    return trial_pb2.LeaseTrialResponse(
        status=LEASE_STATUS.to_number(answer.status),
        lease=None if answer.lease is None else lease_to_message(answer.lease),
        end_reason=answer.end_reason or "",
    )


def lease_answer_from_message(message: trial_pb2.LeaseTrialResponse) -> LeaseAnswer:
    """Return the answer of a message.

    Raises:
        InvalidInputError: If the status is unset, or GRANTED without a lease.
    """
    status = LEASE_STATUS.from_number(message.status, "status")
    lease = lease_from_message(message.lease) if message.HasField("lease") else None
    if status is LeaseStatus.GRANTED and lease is None:
        raise InvalidInputError("lease: unset, though the status is GRANTED.")
    return LeaseAnswer(status, lease, end_reason_from_text(message.end_reason))


def trial_to_message(trial: TrialRecord) -> experiment_pb2.Trial:
    """Return the message of a trial."""
    return experiment_pb2.Trial(
        number=trial.number,
        state=TRIAL_STATE.to_number(trial.state),
        proposal=proposal_to_message(trial.proposal),
        attempt=trial.attempt,
        epoch=trial.epoch,
        worker=trial.worker,
        outcome=None if trial.outcome is None else outcome_to_message(trial.outcome),
        reports=[report_to_message(report) for report in trial.reports],
        checkpoint=trial.checkpoint,
        created_at=trial.created_at,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        is_enqueued=trial.is_enqueued,
    )


def trial_from_message(message: experiment_pb2.Trial) -> TrialRecord:
    """Return the trial of a message; raises as its parts do."""
    return TrialRecord(
        number=message.number,
        state=TRIAL_STATE.from_number(message.state, "trial.state"),
        proposal=proposal_from_message(message.proposal),
        attempt=message.attempt,
        epoch=message.epoch,
        worker=message.worker,
        outcome=outcome_from_message(message.outcome) if message.HasField("outcome") else None,
        reports=tuple(report_from_message(report) for report in message.reports),
        checkpoint=message.checkpoint,
        created_at=message.created_at,
        started_at=message.started_at,
        finished_at=message.finished_at,
        is_enqueued=message.is_enqueued,
    )
