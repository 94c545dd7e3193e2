"""What can happen to an experiment: the events of its log, and their JSON form.

An event says what was decided, never what was wished for; applying it cannot fail and needs no clock and no tuner.
``request_id`` is the id of the request that caused it, so that the same request is answered alike after a restart.
Not here: what events do to the state (``nascore.experiment.transitions``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Union

from nascore.errors import DataLossError
from nascore.journal.contract import Entry
from nascore.record import (
    EndReason,
    ExperimentAction,
    ExperimentSpec,
    Failure,
    FailureKind,
    Limits,
    Outcome,
    Proposal,
    Report,
    Task,
    Verdict,
)
from nascore.record.jsonform import (
    limits_from_json,
    limits_to_json,
    outcome_from_json,
    outcome_to_json,
    proposal_from_json,
    proposal_to_json,
    report_from_json,
    report_to_json,
    spec_from_json,
    spec_to_json,
)
from nascore.space import SearchSpace
from nascore.space.architecture import from_text


@dataclass(frozen=True, slots=True)
class Created:
    """The experiment began; ``digest`` is that of the request, to tell a repetition from another request."""

    kind: ClassVar[str] = "created"
    spec: ExperimentSpec
    digest: str
    request_id: str


@dataclass(frozen=True, slots=True)
class SpaceRegistered:
    """A worker's code defined the search space."""

    kind: ClassVar[str] = "space_registered"
    space: SearchSpace
    worker: str
    batches_per_epoch: int = 0
    tasks: tuple[Task, ...] = ()
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """The tuner proposed; ``told_through`` is the seq of the last outcome it knew (0 for none)."""

    kind: ClassVar[str] = "asked"
    proposal: Proposal
    seed: int
    told_through: int


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A person put an architecture in."""

    kind: ClassVar[str] = "enqueued"
    proposal: Proposal
    request_id: str


@dataclass(frozen=True, slots=True)
class Leased:
    """A worker was given a trial."""

    kind: ClassVar[str] = "leased"
    trial: int
    epoch: int
    attempt: int
    worker: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A worker gave a trial back undone; the attempt is not counted."""

    kind: ClassVar[str] = "returned"
    trial: int
    epoch: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A lease ran out and the trial was queued again."""

    kind: ClassVar[str] = "lost"
    trial: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Retried:
    """A trial failed in a way that may pass, and was queued again."""

    kind: ClassVar[str] = "retried"
    trial: int
    epoch: int
    failure: Failure
    request_id: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A running trial reported, and was told whether to go on."""

    kind: ClassVar[str] = "reported"
    report: Report
    epoch: int
    verdict: Verdict
    request_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial ended for good; its outcome is for the tuner."""

    kind: ClassVar[str] = "finished"
    trial: int
    epoch: int
    outcome: Outcome
    checkpoint: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Updated:
    """A person paused, resumed or stopped it, or changed its limits."""

    kind: ClassVar[str] = "updated"
    action: ExperimentAction | None
    limits: Limits | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The tuner has nothing more to propose."""

    kind: ClassVar[str] = "exhausted"


@dataclass(frozen=True, slots=True)
class Ended:
    """The experiment ended by itself."""

    kind: ClassVar[str] = "ended"
    reason: EndReason
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Troubled:
    """Something keeps it from going on, or (empty) no longer does."""

    kind: ClassVar[str] = "troubled"
    trouble: str


Event = Union[
    Created, SpaceRegistered, Asked, Enqueued, Leased, Returned, Lost, Retried, Reported, Finished, Updated,
    Exhausted, Ended, Troubled,
]  # fmt: skip
EVENT_TYPES: tuple[type[Event], ...] = (
    Created, SpaceRegistered, Asked, Enqueued, Leased, Returned, Lost, Retried, Reported, Finished, Updated,
    Exhausted, Ended, Troubled,
)  # fmt: skip

# How fields that are not plain JSON values are written and read; by field name, for a name means the same everywhere.
_Form = tuple[Callable[[Any], Any], Callable[[Any], Any]]
_FORMS: Mapping[str, _Form] = {
    "spec": (spec_to_json, spec_from_json),
    "space": (lambda space: space.to_json(), SearchSpace.from_json),
    "tasks": (lambda tasks: [task.value for task in tasks], lambda data: tuple(Task(task) for task in data)),
    "devices": (list, tuple),
    "proposal": (proposal_to_json, proposal_from_json),
    "failure": (
        lambda failure: {"kind": failure.kind.value, "message": failure.message, "detail": failure.detail},
        lambda data: Failure(FailureKind(data["kind"]), data["message"], data["detail"]),
    ),
    "report": (report_to_json, report_from_json),
    "verdict": (lambda verdict: verdict.value, Verdict),
    "outcome": (outcome_to_json, outcome_from_json),
    "action": (lambda action: action and action.value, lambda data: None if data is None else ExperimentAction(data)),
    "limits": (
        lambda limits: None if limits is None else limits_to_json(limits),
        lambda data: None if data is None else limits_from_json(data),
    ),
    "reason": (lambda reason: reason.value, EndReason),
}
_Field = tuple[str, Callable[[Any], Any] | None]
_TYPES = {event.kind: event for event in EVENT_TYPES}
_WRITERS: Mapping[str, tuple[_Field, ...]] = {
    kind: tuple((part.name, _FORMS[part.name][0] if part.name in _FORMS else None) for part in fields(event))
    for kind, event in _TYPES.items()
}
_READERS: Mapping[str, tuple[_Field, ...]] = {
    kind: tuple((part.name, _FORMS[part.name][1]) for part in fields(event) if part.name in _FORMS)
    for kind, event in _TYPES.items()
}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_decode = json.JSONDecoder().raw_decode

# Half of a long log is proposals of keys and nothing else. Their architectures are not read before somebody asks, so
# this must match right JSON only: texts without escapes; anything else goes the long way.
_TEXT = r'"[^"\\\x00-\x1f]*+"'
_PLAIN_ASKED = re.compile(
    rf'\{{"proposal":\{{"number":([0-9]+),"architecture":(\{{(?:{_TEXT}:{_TEXT},)*+{_TEXT}:{_TEXT}\}})\}},'
    r'"seed":([0-9]+),"told_through":([0-9]+)\}'
).fullmatch


def payload(event: Event) -> str:
    """Return an event's fields as JSON text.

    Raises:
        ValueError: A number in it is not finite, or a value is no JSON value.
    """
    data = {}
    for name, write in _WRITERS[event.kind]:
        value = getattr(event, name)
        data[name] = value if write is None else write(value)
    return _encode(data)


def event_of(entry: Entry, *, experiment: str) -> Event:
    """Return the event that an entry of the log holds.

    Raises:
        DataLossError: It cannot be read; experiment and seq are named.
    """
    try:
        if entry.kind == Asked.kind and (plain := _PLAIN_ASKED(entry.payload)) is not None:
            number, architecture, seed, told_through = plain.groups()
            return Asked(Proposal(int(number), from_text(architecture)), int(seed), int(told_through))
        event_type = _TYPES[entry.kind]
        data, _ = _decode(entry.payload)
        for name, read in _READERS[entry.kind]:
            if read is not None and name in data:
                data[name] = read(data[name])
        return event_type(**data)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise DataLossError(
            f"Log of experiment {experiment}: entry {entry.seq} ({entry.kind}) cannot be read: {error}.",
            hint="Was it written by a newer nascore? Restore the database from a copy otherwise.",
        ) from error
