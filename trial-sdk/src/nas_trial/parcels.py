"""What a worker has to tell, made into parcels: reports on the way, and the end of a trial.

Not here: what a parcel is and where it is kept (``nascore.launch.spool``), and who sends it (``nas_trial.courier``).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from nascore.launch.spool import Parcel, ParcelKind
from nascore.record import Lease
from nascore.record.jsonform import outcome_to_json

from nas_trial.attempt import Attempt


def report_parcel(lease: Lease, step: int, metrics: Mapping[str, float]) -> Parcel:
    """Return a report as a parcel."""
    content = {"step": step, "metrics": dict(metrics)}
    return Parcel(ParcelKind.REPORT, secrets.token_hex(16), lease.trial, lease.epoch, content)


def outcome_parcel(lease: Lease, attempt: Attempt, *, wants_next: bool) -> Parcel:
    """Return the end of a trial as a parcel."""
    content = {
        "outcome": outcome_to_json(attempt.outcome),
        "checkpoint": attempt.checkpoint,
        "is_retryable": attempt.is_retryable,
        "wants_next": wants_next,
    }
    return Parcel(ParcelKind.OUTCOME, secrets.token_hex(16), lease.trial, lease.epoch, content)
