"""What is said and kept: proposals, outcomes, trials and experiments, as values that every floor above shares."""

from nascore.record.experiment import ExperimentAction, ExperimentRecord, ExperimentSpec, ExperimentState, Limits
from nascore.record.outcome import Asked, Derived, Failure, FailureKind, Outcome, OutcomeStatus, Report, Told, Verdict
from nascore.record.proposal import Budget, Direction, JsonValue, Objective, Proposal, Task, Unrolled, WarmStart
from nascore.record.seeds import proposal_seed, trial_seed
from nascore.record.trial import (
    Command,
    EndReason,
    Lease,
    LeaseAnswer,
    LeaseStatus,
    Registration,
    Renewal,
    TrialRecord,
    TrialState,
)

__all__ = [
    "Asked",
    "Budget",
    "Command",
    "Derived",
    "Direction",
    "EndReason",
    "ExperimentAction",
    "ExperimentRecord",
    "ExperimentSpec",
    "ExperimentState",
    "Failure",
    "FailureKind",
    "JsonValue",
    "Lease",
    "LeaseAnswer",
    "LeaseStatus",
    "Limits",
    "Objective",
    "Outcome",
    "OutcomeStatus",
    "Proposal",
    "Registration",
    "Renewal",
    "Report",
    "Task",
    "Told",
    "TrialRecord",
    "TrialState",
    "Unrolled",
    "Verdict",
    "WarmStart",
    "proposal_seed",
    "trial_seed",
]
