"""Finished trials of a study as what a tuner is told: proposals with their outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nascore.errors import ArchitectureError, SpaceError
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, Proposal
from nascore.space import SearchSpace
from optuna.trial import FrozenTrial, TrialState

from nas_optuna.parameters import ParameterValue
from nas_optuna.translation import Translator

_FAILED = Failure(FailureKind.EXCEPTION, "The trial failed.")


def tried(trial: FrozenTrial, translator: Translator, space: SearchSpace, proposal: Proposal | None) -> Proposal | None:
    """Return the proposal that a trial tried.

    What the trial did not suggest had no say in it: it is as it was proposed, else the first value.

    Args:
        trial: A finished trial.
        translator: Reads what it suggested.
        space: The search space.
        proposal: What was proposed for it, where that is known.

    Returns:
        The proposal, or ``None`` if the trial suggested nothing, or what the space has not.
    """
    try:
        suggested = values_of(trial, translator)
        if not suggested and translator.table.decisions:
            return None
        architecture = translator.table.read(
            {**translator.table.firsts(), **_proposed(proposal, translator), **suggested}
        )
        space.check(architecture)
    except (SpaceError, ArchitectureError):
        return None
    if proposal is not None and proposal.architecture == architecture:
        return proposal
    return Proposal(trial.number, architecture)


def _proposed(proposal: Proposal | None, translator: Translator) -> dict[str, ParameterValue]:
    if proposal is None or proposal.architecture is None:
        return {}
    return translator.table.written(proposal.architecture, {})


def values_of(trial: FrozenTrial, translator: Translator) -> dict[str, ParameterValue]:
    """Return what a trial suggested so far, as the table writes it.

    Raises:
        SpaceError: It suggested what the space has not.
    """
    values: dict[str, ParameterValue] = {}
    for suggested, value in trial.params.items():
        name = translator.name_of(suggested)
        values[name] = translator.translation(name, trial.distributions[suggested]).ours(value)
    return values


def outcome_of(trial: FrozenTrial, metrics: Sequence[str]) -> Outcome:
    """Return what came of a finished trial.

    Args:
        trial: The trial.
        metrics: Names of the objectives, in order.
    """
    duration = trial.duration
    seconds = 0.0 if duration is None else duration.total_seconds()
    values = trial.values or []
    named = dict(zip(metrics, values, strict=False))
    if trial.state is TrialState.FAIL:
        return Outcome(OutcomeStatus.FAILED, failure=_FAILED, duration_s=seconds)
    if any(value > 0 for value in trial.constraints.values()):
        return Outcome(OutcomeStatus.INFEASIBLE, duration_s=seconds)
    if not all(map(math.isfinite, values)):
        return Outcome(OutcomeStatus.NON_FINITE, duration_s=seconds)
    status = OutcomeStatus.PRUNED if trial.state is TrialState.PRUNED else OutcomeStatus.COMPLETED
    return Outcome(status, named, duration_s=seconds)
