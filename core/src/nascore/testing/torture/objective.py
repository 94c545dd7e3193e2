"""What a tortured trial measures: a number that its proposal alone decides, so that every run measures the same."""

from __future__ import annotations

import hashlib
import json

from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, Proposal
from nascore.record.jsonform import proposal_to_json

METRIC = "accuracy"
_OF = 50
_FAILURES = {
    0: (OutcomeStatus.FAILED, Failure(FailureKind.EXCEPTION, "This one never works.")),
    1: (OutcomeStatus.NON_FINITE, Failure(FailureKind.NON_FINITE, "It measured NaN.")),
}


def outcome_of(proposal: Proposal) -> Outcome:
    """Return what comes of a proposal: of fifty, one fails for good and one measures no number."""
    said = proposal_to_json(proposal)
    tried = {key: said[key] for key in ("architecture", "mixture", "budget") if key in said}
    drawn = int.from_bytes(hashlib.sha256(json.dumps(tried, sort_keys=True).encode()).digest()[:8], "big")
    if drawn % _OF in _FAILURES:
        status, failure = _FAILURES[drawn % _OF]
        return Outcome(status, failure=failure)
    return Outcome(OutcomeStatus.COMPLETED, {METRIC: (drawn // _OF) % 997 / 997})
