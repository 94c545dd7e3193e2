"""The trust report of a one-shot search, made of its trials: the derived network, and what it is held against.

The metric is the experiment's first objective, as each network had it after it was trained by itself: on data that no
search has seen. Not here: the sentences (``words``), and which baselines are trained (``nascore.experiment.chain``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nascore.record.experiment import ExperimentRecord
from nascore.record.oneshot import Role
from nascore.record.outcome import OutcomeStatus
from nascore.record.proposal import Objective, Task
from nascore.record.trial import TrialRecord
from nascore.record.trust.kendall import kendall_tau


@dataclass(frozen=True, slots=True)
class Baseline:
    """A network that was trained by itself, or the best of several.

    Attributes:
        trial: Its number.
        value: Its value of the objective.
        device_seconds: What it cost, and the others of which it is the best.
        count: Of how many it is the best.
    """

    trial: int
    value: float
    device_seconds: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class TrustReport:
    """What came of a one-shot search.

    Attributes:
        objective: What is compared.
        derived: The best derived network; ``None`` if none was trained.
        random: The best of the random networks; ``None`` for none, as for the others.
        largest: The most expensive network.
        skip: The cheapest network.
        search_seconds: Device-seconds of the supernets.
        tau: Kendall's tau-b between the supernet's scores and the networks' own; ``None`` if there are too few.
        tau_count: Networks that both have scored.
        failed: Trials that came to nothing.
        is_complete: Whether all trials have ended.
    """

    objective: Objective
    derived: Baseline | None
    random: Baseline | None
    largest: Baseline | None
    skip: Baseline | None
    search_seconds: float
    tau: float | None
    tau_count: int
    failed: int
    is_complete: bool

    @property
    def device_seconds(self) -> float:
        """Device-seconds of the search and of what it derived, which the random networks may cost as well."""
        return self.search_seconds + (0.0 if self.derived is None else self.derived.device_seconds)


def trust_report(record: ExperimentRecord, trials: Sequence[TrialRecord]) -> TrustReport:
    """Return the report of a one-shot experiment, as far as it has come."""
    objective = record.spec.objectives[0]
    searches = [trial for trial in trials if trial.proposal.task is Task.SEARCH]
    tau, count = _agreement(objective, trials)
    return TrustReport(
        objective=objective,
        derived=_best(objective, _of(trials, Role.RETRAIN)),
        random=_best(objective, [*_of(trials, Role.RANDOM), *_of(trials, Role.SAMPLED)]),
        largest=_best(objective, _of(trials, Role.LARGEST)),
        skip=_best(objective, _of(trials, Role.SKIP)),
        search_seconds=sum(trial.outcome.duration_s for trial in searches if trial.outcome is not None),
        tau=tau,
        tau_count=count,
        failed=sum(
            trial.outcome is not None and trial.outcome.status is not OutcomeStatus.COMPLETED for trial in trials
        ),
        is_complete=record.end_reason is not None,
    )


def roles_of(trial: TrialRecord) -> tuple[str, ...]:
    """Return what a trial is for; several where one network is several things."""
    notes = trial.proposal.notes
    also = notes.get("also", [])
    listed = also if isinstance(also, list) else []
    return tuple(str(role) for role in (notes.get("role"), *listed) if role is not None)


def _of(trials: Iterable[TrialRecord], role: Role) -> list[TrialRecord]:
    return [trial for trial in trials if role in roles_of(trial)]


def _value(objective: Objective, trial: TrialRecord) -> float | None:
    outcome = trial.outcome
    if outcome is None or outcome.status is not OutcomeStatus.COMPLETED:
        return None
    return outcome.metrics.get(objective.metric)


def _best(objective: Objective, trials: Iterable[TrialRecord]) -> Baseline | None:
    valued = [(value, trial) for trial in trials if (value := _value(objective, trial)) is not None]
    if not valued:
        return None
    value, best = max(valued, key=lambda pair: objective.score({objective.metric: pair[0]}))
    seconds = sum(trial.outcome.duration_s for _, trial in valued if trial.outcome is not None)
    return Baseline(best.number, value, seconds, len(valued))


def _agreement(objective: Objective, trials: Iterable[TrialRecord]) -> tuple[float | None, int]:
    """Return tau and the number of networks; by the objective where the supernet knows it, by its loss otherwise."""
    own: list[float] = []
    of_supernet: list[float] = []
    for trial in trials:
        value, scored = _value(objective, trial), _supernet_score(objective, trial)
        if value is not None and scored is not None:
            own.append(objective.score({objective.metric: value}))
            of_supernet.append(scored)
    return kendall_tau(of_supernet, own), len(own)


def _supernet_score(objective: Objective, trial: TrialRecord) -> float | None:
    metrics = trial.proposal.notes.get("supernet_metrics")
    if not isinstance(metrics, dict):
        return None
    value, loss = metrics.get(objective.metric), metrics.get("loss")
    if isinstance(value, (int, float)):
        return objective.score({objective.metric: float(value)})
    return -float(loss) if isinstance(loss, (int, float)) else None
