"""When an experiment ends by itself, how many more trials it may begin, and what would let an ended one go on.

Pure questions to the state; who acts on the answers is the engine.
"""

from __future__ import annotations

import math
from dataclasses import replace

from nascore.errors import StateError
from nascore.experiment.state import State
from nascore.record import Direction, EndReason, Limits, Mode, Task, TrialRecord, TrialState

DEFAULT_ATTEMPTS = 3
DEFAULT_LEASE_S = 30.0
DEFAULT_FAILURES_IN_A_ROW = 10
_UNLIMITED = 2**31


def lease_s(limits: Limits) -> float:
    """Return how many seconds a lease lasts without a heartbeat."""
    return limits.lease_s or DEFAULT_LEASE_S


def max_attempts(limits: Limits) -> int:
    """Return how often a trial is begun at most."""
    return limits.max_attempts or DEFAULT_ATTEMPTS


def free_places(state: State) -> int:
    """Return how many more trials may run now, so that no more are begun than the limits need."""
    limits, places = state.known_spec.limits, trials_left(state)
    if limits.max_parallel is not None:
        places = min(places, limits.max_parallel - len(state.running))
    return max(0, places)


def trials_left(state: State) -> int:
    """Return how many more trials may be begun at all, those in the queue among them."""
    limit = state.known_spec.limits.max_trials
    return _UNLIMITED if limit is None else max(0, limit - state.final_count - len(state.running))


def remaining_s(state: State) -> float:
    """Return the seconds of running time that are left at the last event; infinite without a limit."""
    limit = state.known_spec.limits.max_duration_s
    return math.inf if limit is None else limit - state.elapsed_s


def end_reason(state: State, *, elapsed_s: float) -> EndReason | None:
    """Return why the experiment ends now; ``None`` if it goes on."""
    limits = state.known_spec.limits
    if limits.max_trials is not None and state.final_count >= limits.max_trials:
        return EndReason.TRIALS
    if limits.max_duration_s is not None and elapsed_s >= limits.max_duration_s:
        return EndReason.DURATION
    if _is_target_reached(state):
        return EndReason.TARGET
    if state.is_exhausted and not state.running and not state.queue:
        return EndReason.FAILED if failed_search(state) is not None else EndReason.EXHAUSTED
    if state.failures_in_a_row >= (limits.max_failures_in_a_row or DEFAULT_FAILURES_IN_A_ROW):
        return EndReason.FAILED
    return None


def trouble(state: State, reason: EndReason) -> str:
    """Return one sentence on an end that somebody should look into; empty for an ordinary one."""
    if reason is not EndReason.FAILED or not state.outcomes:
        return ""
    search = failed_search(state) if state.is_exhausted else None
    if search is not None:
        failure = search.outcome and search.outcome.failure
        said = failure.message if failure else "it derived no architecture."
        return f"The one-shot search found nothing; trial {search.number}: {said}"
    last = state.trials[state.outcomes[-1][1]]
    failure = last.outcome and last.outcome.failure
    why = f": {failure.message}" if failure else "."
    return f"The first {state.failures_in_a_row} trials all failed; the last one, trial {last.number}{why}"


def failed_search(state: State) -> TrialRecord | None:
    """Return the last trial that searched, if none of them derived an architecture; ``None`` otherwise."""
    if state.known_spec.mode is not Mode.ONE_SHOT:
        return None
    searches = [trial for trial in state.trials if trial.proposal.task is Task.SEARCH]
    has_derived = any(trial.outcome is not None and trial.outcome.derived for trial in searches)
    return None if has_derived or not searches else searches[-1]


def refuse_idle_resume(state: State, limits: Limits | None, *, elapsed_s: float) -> None:
    """Make sure that a resumed experiment would have something to do.

    Raises:
        StateError: It would end at once; the limit to change is named.
    """
    spec = state.known_spec
    after = replace(state, spec=replace(spec, limits=spec.limits.updated(limits or Limits())), failures_in_a_row=0)
    reason = end_reason(after, elapsed_s=elapsed_s)
    if reason is not None:
        message, hint = _what_to_change(after, reason, elapsed_s)
        raise StateError(f"Experiment {state.id} cannot go on: {message}", hint=hint)


def _what_to_change(state: State, reason: EndReason, elapsed_s: float) -> tuple[str, str]:
    limits = state.known_spec.limits
    if reason is EndReason.TRIALS:
        message = f"max_trials is {limits.max_trials}, and {state.final_count} have ended."
        return message, f"Resume it with max_trials above {state.final_count}."
    if reason is EndReason.DURATION:
        message = f"it ran for {elapsed_s:.0f} s and max_duration_s is {limits.max_duration_s:g}."
        return message, f"Resume it with max_duration_s above {elapsed_s:.0f}."
    if reason is EndReason.TARGET:
        objective = state.known_spec.objectives[0]
        best = state.trials[state.ranking.best(1)[0]]
        message = f"trial {best.number} reached the target {limits.target:g} of {objective.metric}."
        return message, "Resume it with a target that is harder to reach."
    return (
        f"the tuner has proposed all it can ({state.counts[TrialState.SUCCEEDED]} trials succeeded).",
        "Enqueue architectures first, or start an experiment with another tuner.",
    )


def _is_target_reached(state: State) -> bool:
    target, best = state.known_spec.limits.target, state.ranking.best_score
    if target is None or best is None:
        return False
    is_maximized = state.known_spec.objectives[0].direction is Direction.MAXIMIZE
    return best >= (target if is_maximized else -target)
