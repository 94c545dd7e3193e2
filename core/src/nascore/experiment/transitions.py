"""What each event does to the state: deterministic, without clock, disk or tuner, at a cost that does not grow.

The only place where a `State` changes. The log is applied through the same function after a restart, so both ways lead
to the same state.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

from nascore.errors import DataLossError
from nascore.experiment import events
from nascore.experiment.events import Event, event_of
from nascore.experiment.state import REPLIES_KEPT, REPORTS_KEPT, AskedPlace, Reply, State
from nascore.journal.contract import ENTRIES_A_READ, Entry, Journal
from nascore.record import (
    EndReason,
    ExperimentAction,
    ExperimentState,
    Mode,
    Outcome,
    OutcomeStatus,
    Proposal,
    Task,
    TrialRecord,
    TrialState,
    proposes_result,
)

_REQUEUED, _ENQUEUED, _ASKED = range(3)  # Who is leased first.

FINAL_STATES: Mapping[OutcomeStatus, TrialState] = {
    OutcomeStatus.COMPLETED: TrialState.SUCCEEDED,
    OutcomeStatus.PRUNED: TrialState.PRUNED,
    OutcomeStatus.INFEASIBLE: TrialState.INFEASIBLE,
    OutcomeStatus.FAILED: TrialState.FAILED,
    OutcomeStatus.NON_FINITE: TrialState.FAILED,
}


def apply(state: State, event: Event, *, time: float, elapsed_s: float) -> None:
    """Change ``state`` by the next event.

    Args:
        state: What is changed.
        event: What happened.
        time: Unix time of the event in seconds.
        elapsed_s: Running time of the experiment up to the event.
    """
    state.seq += 1
    state.elapsed_s = elapsed_s
    _APPLY[type(event)](state, event, time)


def rebuilt(experiment: str, entries: Iterable[Entry]) -> State:
    """Return the state that the entries of a log lead to.

    Raises:
        DataLossError: An entry cannot be read, or speaks of what is not there; its seq is named.
    """
    state = State(experiment)
    extend(state, entries)
    return state


async def replayed(experiment: str, journal: Journal) -> State:
    """Return the state that a stored log leads to, and let the journal accept appends again.

    Raises:
        DataLossError: As `rebuilt`.
    """
    state = State(experiment)
    with _without_collection():
        while True:
            part = await journal.read(experiment, after_seq=state.seq, count=ENTRIES_A_READ)
            extend(state, part)
            if len(part) < ENTRIES_A_READ:
                return state


def extend(state: State, entries: Iterable[Entry]) -> None:
    """Apply the entries that follow to a state.

    Raises:
        DataLossError: As `rebuilt`.
    """
    with _without_collection():
        for entry in entries:
            event = event_of(entry, experiment=state.id)
            try:
                apply(state, event, time=entry.time, elapsed_s=entry.elapsed_s)
            except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
                place = f"Log of experiment {state.id}: entry {entry.seq} ({entry.kind})"
                raise DataLossError(f"{place} does not follow from those before it: {error!r}.") from error


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the garbage collector: all that a replay makes stays, and looking through it is half the cost."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _created(state: State, event: events.Created, time: float) -> None:
    state.spec = event.spec
    state.created_at = time
    state.create_request = event.request_id
    state.create_digest = event.digest


def _space_registered(state: State, event: events.SpaceRegistered, time: float) -> None:
    state.spec = replace(state.known_spec, space=event.space)
    state.batches_per_epoch = event.batches_per_epoch


def _asked(state: State, event: events.Asked, time: float) -> None:
    _add(state, event.proposal, time, rank=_ASKED)
    state.asked.append(AskedPlace(event.proposal.number, event.seed, event.told_through))


def _enqueued(state: State, event: events.Enqueued, time: float) -> None:
    _add(state, event.proposal, time, rank=_ENQUEUED)
    before = state.replies.get(event.request_id)
    numbers = () if before is None else before.trials
    _remember(state, event.request_id, Reply(event.kind, (*numbers, event.proposal.number)))


def _leased(state: State, event: events.Leased, time: float) -> None:
    number = event.trial
    heappop(state.queue)  # Trials are leased in the order of the queue: this one is its head.
    trial = state.trials[number]
    # Spelled out here and below, for `replace` would be a third of the cost of reading a log.
    leased = TrialRecord(
        number, TrialState.RUNNING, trial.proposal, event.attempt, event.epoch, event.worker, trial.outcome,
        trial.reports, trial.checkpoint, trial.created_at, time, trial.finished_at, trial.is_enqueued,
    )  # fmt: skip
    _move(state, leased)
    state.running.add(number)
    state.reports.pop(number, None)
    _remember(state, event.request_id, Reply(event.kind, (number,), event.epoch, event.attempt, event.worker))


def _returned(state: State, event: events.Returned, time: float) -> None:
    _requeue(state, event.trial, is_counted=False)
    _remember(state, event.request_id, Reply(event.kind, (event.trial,), event.epoch))


def _lost(state: State, event: events.Lost, time: float) -> None:
    _requeue(state, event.trial)


def _retried(state: State, event: events.Retried, time: float) -> None:
    _requeue(state, event.trial)
    _remember(state, event.request_id, Reply(event.kind, (event.trial,), event.epoch))


def _reported(state: State, event: events.Reported, time: float) -> None:
    number = event.report.number
    state.reports.setdefault(number, deque(maxlen=REPORTS_KEPT)).append(event.report)
    state.changed[number] = state.seq
    _remember(state, event.request_id, Reply(event.kind, (number,), event.epoch, verdict=event.verdict))


def _finished(state: State, event: events.Finished, time: float) -> None:
    number = event.trial
    outcome = event.outcome
    before = state.trials[number]
    trial = TrialRecord(
        number, FINAL_STATES[outcome.status], before.proposal, before.attempt, before.epoch, before.worker, outcome,
        before.reports, event.checkpoint, before.created_at, before.started_at, time, before.is_enqueued,
    )  # fmt: skip
    state.running.discard(number)
    _move(state, trial)
    state.outcomes.append((state.seq, number))
    state.requests_of_outcomes[number] = event.request_id
    _rank(state, trial.proposal, outcome)
    if trial.state is not TrialState.FAILED:
        state.failures_in_a_row = 0
    elif not state.counts[TrialState.SUCCEEDED]:
        state.failures_in_a_row += 1


def _updated(state: State, event: events.Updated, time: float) -> None:
    if event.limits is not None:
        state.spec = replace(state.known_spec, limits=state.known_spec.limits.updated(event.limits))
    if event.action is ExperimentAction.PAUSE:
        state.phase = ExperimentState.PAUSED
    elif event.action is ExperimentAction.STOP:
        state.phase, state.end_reason = ExperimentState.STOPPED, EndReason.STOPPED
    elif event.action is ExperimentAction.RESUME:
        state.phase, state.end_reason = ExperimentState.RUNNING, None
        state.trouble = ""
        state.failures_in_a_row = 0
    _remember(state, event.request_id, Reply(event.kind))


def _exhausted(state: State, event: events.Exhausted, time: float) -> None:
    state.is_exhausted = True


def _ended(state: State, event: events.Ended, time: float) -> None:
    state.phase, state.end_reason = ExperimentState.FINISHED, event.reason
    if event.trouble:
        state.trouble = event.trouble


def _troubled(state: State, event: events.Troubled, time: float) -> None:
    state.trouble = event.trouble


# Each function takes its own type of event, which a mapping's type cannot say.
_APPLY: Mapping[type[Event], Callable[[State, Any, float], None]] = {
    events.Created: _created,
    events.SpaceRegistered: _space_registered,
    events.Asked: _asked,
    events.Enqueued: _enqueued,
    events.Leased: _leased,
    events.Returned: _returned,
    events.Lost: _lost,
    events.Retried: _retried,
    events.Reported: _reported,
    events.Finished: _finished,
    events.Updated: _updated,
    events.Exhausted: _exhausted,
    events.Ended: _ended,
    events.Troubled: _troubled,
}


def _add(state: State, proposal: Proposal, time: float, *, rank: int) -> None:
    number = proposal.number
    trial = TrialRecord(number, TrialState.QUEUED, proposal, created_at=time, is_enqueued=rank == _ENQUEUED)
    state.trials.append(trial)
    state.changed.append(state.seq)
    state.counts[TrialState.QUEUED] += 1
    heappush(state.queue, (rank, number))


def _move(state: State, trial: TrialRecord) -> None:
    """Put a trial's new record in the place of the old one."""
    state.counts[state.trials[trial.number].state] -= 1
    state.counts[trial.state] += 1
    state.trials[trial.number] = trial
    state.changed[trial.number] = state.seq


def _requeue(state: State, number: int, *, is_counted: bool = True) -> None:
    trial = state.trials[number]
    attempt = trial.attempt if is_counted else trial.attempt - 1
    state.running.discard(number)
    _move(state, replace(trial, state=TrialState.QUEUED, attempt=attempt))
    heappush(state.queue, (_REQUEUED, number))


def _rank(state: State, proposal: Proposal, outcome: Outcome) -> None:
    if outcome.status is not OutcomeStatus.COMPLETED or not _is_ranked(state, proposal):
        return
    try:
        scores = [objective.score(outcome.metrics) for objective in state.known_spec.objectives]
    except KeyError:  # One is missing, which an outcome of an older log may have been allowed.
        return
    state.ranking.add(proposal.number, tuple(scores))


def _is_ranked(state: State, proposal: Proposal) -> bool:
    if state.known_spec.mode is not Mode.ONE_SHOT:  # Its tuner may note what it likes.
        return proposal.task is Task.EVALUATE
    return proposes_result(proposal)


def _remember(state: State, request_id: str, reply: Reply) -> None:
    if request_id:
        state.replies[request_id] = reply
        if len(state.replies) > REPLIES_KEPT:
            state.replies.popitem(last=False)
