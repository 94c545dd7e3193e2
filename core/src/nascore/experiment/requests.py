"""What a request must satisfy before anything is decided, and what the same request was answered before.

Pure questions to the state. Not here: the numbers that a finished trial reports (``finishing``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from nascore.errors import (
    ArchitectureError,
    ConflictError,
    ExhaustedResourceError,
    InvalidInputError,
    SpaceError,
    StateError,
    Violation,
)
from nascore.experiment import stopping
from nascore.experiment.events import Enqueued
from nascore.experiment.state import Reply, State
from nascore.record import ExperimentAction, ExperimentRecord, ExperimentState, Limits, TrialState
from nascore.space import Architecture, SearchSpace

MAX_NAME = 256
MAX_ENQUEUED = 256
"""Architectures in one request."""
MAX_QUEUED = 50_000
"""Trials of one experiment that wait to be leased."""
MAX_AT_WORK = 256
"""Experiments of a server that have not ended: each may hold a tuner in a process of its own."""
MAX_EXPERIMENTS = 10_000
"""Experiments of a server."""
_MOST_FINDINGS = 100


def expected_reply(state: State, request_id: str, *, kind: str, worker: str = "") -> Reply | None:
    """Return what a request was answered; ``None`` if it is new.

    Raises:
        InvalidInputError: The request id is empty or too long.
        ConflictError: It was used for another request.
    """
    check_name("request_id", request_id)
    reply = state.replies.get(request_id)
    if reply is None:
        return None
    if reply.kind != kind or (worker and reply.worker and reply.worker != worker):
        raise ConflictError(
            f"Request {request_id!r} was used already, for another request ({reply.kind}).",
            hint="Use a random request id for each request.",
        )
    return reply


def check_name(field: str, value: str) -> None:
    """Make sure that a worker's name or a request id can be kept.

    Raises:
        InvalidInputError: It is empty or too long.
    """
    if not 0 < len(value) <= MAX_NAME:
        raise InvalidInputError(f"{field}: {value!r:.80} must have 1 to {MAX_NAME} characters.")


def check_same_space(known: SearchSpace, given: SearchSpace) -> None:
    """Make sure that a worker's space is the experiment's.

    Raises:
        SpaceError: It differs; ``violations`` lists how.
    """
    if known.equals(given):
        return
    lines = known.diff(given)
    listing = "\n".join(f"  {line}" for line in lines[:10])
    raise SpaceError(
        f"This worker's space is not that of the experiment (experiment -> worker):\n{listing}",
        hint="All workers must run the same code; begin a new experiment for the changed one.",
        violations=tuple(Violation("", line) for line in lines),
    )


def enqueued_before(state: State, request_id: str, architectures: Sequence[Architecture]) -> tuple[int, ...] | None:
    """Return the trials that the same request made; ``None`` if it is new.

    Raises:
        ConflictError: It was made with other architectures.
    """
    reply = expected_reply(state, request_id, kind=Enqueued.kind)
    if reply is None:
        return None
    if [state.trials[number].proposal.architecture for number in reply.trials] != list(architectures):
        raise ConflictError(
            f"Request {request_id!r} enqueued other architectures before, as trials {reply.trials}.",
            hint="Use a new request id for other architectures.",
        )
    return reply.trials


def check_enqueued(state: State, architectures: Sequence[Architecture]) -> None:
    """Make sure that architectures can be tried.

    Raises:
        InvalidInputError: There are none, or too many.
        StateError: The space is not known yet.
        ArchitectureError: Some do not fit; ``violations`` names the first hundred findings, each with its place.
        ExhaustedResourceError: Too many trials wait already.
    """
    if not 1 <= len(architectures) <= MAX_ENQUEUED:
        raise InvalidInputError(f"architectures: {len(architectures)}; send 1 to {MAX_ENQUEUED} at a time.")
    space = state.known_spec.space
    if space is None:
        raise StateError(
            f"Experiment {state.id} does not know its search space yet, so architectures cannot be checked.",
            hint="Enqueue them once the first worker has registered, or create the experiment with its space.",
        )
    waiting = state.counts[TrialState.QUEUED]
    if waiting + len(architectures) > MAX_QUEUED:
        raise ExhaustedResourceError(
            f"Experiment {state.id} has {waiting:,} trials that wait to be leased; at most {MAX_QUEUED:,} may.",
            hint="Enqueue more once workers have taken some.",
        )
    every = (
        Violation(f"architectures[{index}].{found.field}".rstrip("."), found.message)
        for index, architecture in enumerate(architectures)
        for found in space.validate(architecture)
    )
    wrong = list(islice(every, _MOST_FINDINGS))  # Looking at more of them helps nobody.
    if wrong:
        raise ArchitectureError(f"Nothing was enqueued: {wrong[0]}", violations=tuple(wrong))


def needed_action(
    state: State, action: ExperimentAction | None, limits: Limits | None, *, elapsed_s: float
) -> ExperimentAction | None:
    """Return what has to be done for ``action`` to be so; ``None`` if it is so already.

    Raises:
        StateError: It cannot be done; what to change is named.
    """
    if action is ExperimentAction.STOP:
        return None if state.is_ended else action
    if action is ExperimentAction.PAUSE:
        if state.is_ended:
            reason = state.end_reason.value if state.end_reason else "unknown"
            raise StateError(
                f"Experiment {state.id} has ended ({reason}) and cannot be paused.", hint="Resume it to go on."
            )
        return None if state.phase is ExperimentState.PAUSED else action
    if action is ExperimentAction.RESUME:
        if state.is_ended:
            stopping.refuse_idle_resume(state, limits, elapsed_s=elapsed_s)
        return None if state.phase is ExperimentState.RUNNING else action
    return None


def check_room(records: Sequence[ExperimentRecord]) -> None:
    """Make sure that there is room for one more experiment.

    Raises:
        ExhaustedResourceError: There are too many, or too many that have not ended.
    """
    if len(records) >= MAX_EXPERIMENTS:
        raise ExhaustedResourceError(
            f"This server has {len(records):,} experiments, as many as it keeps.", hint="Delete some that have ended."
        )
    at_work = sum(record.end_reason is None for record in records)
    if at_work >= MAX_AT_WORK:
        raise ExhaustedResourceError(
            f"This server has {at_work} experiments that have not ended, as many as it takes.",
            hint="Wait until one ends, or stop one.",
        )
