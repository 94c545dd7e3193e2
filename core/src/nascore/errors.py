"""The error tree of nascore: each class is defined by what the host does next.

::

    NascoreError                      reason, field, hint, is_retryable
    ├── InvalidInputError             the caller is wrong; say what, mend it, do not retry   (ValueError)
    │   ├── SpaceError                a search space is not valid
    │   ├── ArchitectureError         an architecture does not fit its space
    │   ├── ConstraintError           no architecture satisfied a constraint in reasonable tries
    │   ├── SettingsError             settings of a tuner or of an experiment are not valid
    │   └── MetricError               a reported metric is not a finite number, or is missing
    ├── StateError                    right request at the wrong moment                      (RuntimeError)
    │   ├── LeaseSupersededError      the lease was given to another worker; drop the trial
    │   ├── ConflictError             another answer is stored already; the stored one stands
    │   └── HeldError                 another process holds the database
    ├── NotFoundError                 no such experiment, trial, tuner or path               (LookupError)
    ├── UnavailableError              try again later; retrying helps                        (ConnectionError)
    │   └── DeadlineError             no answer in time                                      (TimeoutError)
    ├── ExhaustedResourceError        disk, memory or quota is used up                       (OSError)
    ├── UnsupportedError              a capability is missing                                (NotImplementedError)
    ├── PermissionDeniedError         the token does not allow this                          (PermissionError)
    │   └── UnauthenticatedError      no token, or none that counts (any more)
    ├── DataLossError                 stored bytes are not what was written
    ├── PluginError                   a plugin cannot be loaded or breaks its contract
    │   └── TunerCrashedError         a tuner raised, hung, died or broke the protocol
    └── InternalError                 a defect of nascore itself

Not here: mapping to gRPC status codes (``nascore.status``).
"""

from __future__ import annotations

__all__ = [
    "ArchitectureError",
    "ConflictError",
    "ConstraintError",
    "DataLossError",
    "DeadlineError",
    "ExhaustedResourceError",
    "HeldError",
    "InternalError",
    "InvalidInputError",
    "LeaseSupersededError",
    "MetricError",
    "NascoreError",
    "NotFoundError",
    "PermissionDeniedError",
    "PluginError",
    "SettingsError",
    "SpaceError",
    "StateError",
    "TunerCrashedError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "Violation",
]

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with an input.

    Attributes:
        field: Path of the offending part (``nodes[2].candidates``, ``op/conv3/kernel``); empty for the whole.
        message: What is wrong with it, with the value, and how to mend it.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class NascoreError(Exception):
    """Root of all errors that nascore raises on purpose.

    Args:
        message: What was wrong, which value, and where.
        hint: What to do about it; shown on a line of its own.
        violations: The single findings, where there are several.

    Attributes:
        reason: Stable code (``UPPER_SNAKE``), sent as ``google.rpc.ErrorInfo.reason`` and printed by the CLI.
        is_retryable: Whether the same request may succeed later.
        facts: What a program may want to know of it, by name; short texts, which travel with it.
    """

    reason: str = "NASCORE_ERROR"
    is_retryable: bool = False
    facts: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str, *, hint: str = "", violations: tuple[Violation, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.violations = violations

    def __str__(self) -> str:
        return f"{sentence(self.message)} {self.hint}" if self.message and self.hint else self.message or self.hint


def sentence(text: str) -> str:
    """Return a text with a full stop, unless it has an end already: what comes from elsewhere often has none."""
    shown = text.rstrip()
    return shown if shown.rstrip("\"'`)”’").endswith((".", "!", "?", ":", "…")) else f"{shown}."


class InvalidInputError(NascoreError, ValueError):
    """The caller sent something that can never be accepted."""

    reason = "INVALID_INPUT"


class SpaceError(InvalidInputError):
    """A search space is not valid; ``violations`` lists every finding with its path."""

    reason = "INVALID_SPACE"


class ArchitectureError(InvalidInputError):
    """An architecture does not belong to its space; ``violations`` lists every finding with its path."""

    reason = "INVALID_ARCHITECTURE"


class ConstraintError(InvalidInputError):
    """No architecture that satisfies the named constraint was found."""

    reason = "UNSATISFIED_CONSTRAINT"


class SettingsError(InvalidInputError):
    """Settings of a tuner or of an experiment are not valid."""

    reason = "INVALID_SETTINGS"


class MetricError(InvalidInputError):
    """A metric is missing or is not a number."""

    reason = "INVALID_METRIC"


class StateError(NascoreError, RuntimeError):
    """The request is right but came at the wrong moment."""

    reason = "WRONG_STATE"


class LeaseSupersededError(StateError):
    """The lease was given to another worker, who is named; the caller drops the trial."""

    reason = "LEASE_SUPERSEDED"


class ConflictError(StateError):
    """A different answer is stored already; the stored one stands and is named."""

    reason = "CONFLICT"


class HeldError(StateError):
    """Another process holds the database; it is named."""

    reason = "DATABASE_HELD"


class NotFoundError(NascoreError, LookupError):
    """There is no experiment, trial, tuner or path of that name."""

    reason = "NOT_FOUND"


class UnavailableError(NascoreError, ConnectionError):
    """The other side cannot answer at present; retrying helps."""

    reason = "UNAVAILABLE"
    is_retryable = True


class DeadlineError(UnavailableError, TimeoutError):
    """No answer came in time."""

    reason = "DEADLINE_EXCEEDED"


class ExhaustedResourceError(NascoreError, OSError):
    """Disk, memory, or a quota is used up; retrying helps once there is room."""

    reason = "RESOURCE_EXHAUSTED"
    is_retryable = True


class UnsupportedError(NascoreError, NotImplementedError):
    """A capability that the request needs is missing."""

    reason = "UNSUPPORTED"


class PermissionDeniedError(NascoreError, PermissionError):
    """The caller may not do this."""

    reason = "PERMISSION_DENIED"


class UnauthenticatedError(PermissionDeniedError):
    """No token was sent, or one that is not known, was revoked or has run out; with another the call may pass."""

    reason = "UNAUTHENTICATED"


class DataLossError(NascoreError):
    """Stored or received bytes are not those that were written."""

    reason = "DATA_LOSS"


class PluginError(NascoreError):
    """A plugin cannot be loaded, or does not keep its contract; plugin, version and hook are named."""

    reason = "PLUGIN_FAILED"


class TunerCrashedError(PluginError):
    """A tuner raised, hung, died, or broke the protocol; the next request may work."""

    reason = "STRATEGY_CRASHED"
    is_retryable = True

    @classmethod
    def for_good(cls, message: str, *, hint: str) -> TunerCrashedError:
        """Return the error of a tuner that no further request gets to work: somebody has to mend something."""
        error = cls(message, hint=hint)
        error.is_retryable = False
        return error


class InternalError(NascoreError):
    """A defect of nascore itself; please report it."""

    reason = "INTERNAL"
