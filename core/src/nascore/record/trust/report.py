"""The trust report of a one-shot search, made of its trials: the derived network, and what it is held against.

Networks are trained by themselves, and chosen by the experiment's first objective: the best of several random networks
is the one with the best validation. What is then reported is the same metric on the test split (``"test accuracy"``),
by which nothing was chosen: the best of many would look better than it is by what it was chosen by. Where not
all networks have it, all are reported by the objective itself, so that like is held against like.

Not here: the sentences (``words``), and which baselines are trained (``nascore.experiment.chain``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nascore.record.experiment import ExperimentRecord
from nascore.record.oneshot import TEST_PREFIX, Role
from nascore.record.outcome import OutcomeStatus
from nascore.record.proposal import Objective, Task
from nascore.record.trial import TrialRecord
from nascore.record.trust.kendall import kendall_tau

_RESULTS = frozenset({Role.RETRAIN, Role.RANDOM, Role.SAMPLED, Role.LARGEST, Role.SKIP})
"""Roles of networks that are trained by themselves."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A network that was trained by itself, or the best of several.

    Attributes:
        trial: Its number.
        value: Its value of the metric that is reported.
        chosen_by: Its value of the objective, by which it is the best.
        device_seconds: What it cost, and the others of which it is the best.
        count: Of how many it is the best.
    """

    trial: int
    value: float
    chosen_by: float
    device_seconds: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class TrustReport:
    """What came of a one-shot search.

    Attributes:
        objective: What networks are chosen by, and which way it is better.
        metric: What is reported and compared: the objective's metric on the test split, or on validation if not all
            networks have that one.
        derived: The best derived network; ``None`` if none was trained.
        random: The best of the random networks; ``None`` for none, as for the others.
        largest: The most expensive network.
        skip: The cheapest network.
        search_seconds: Device-seconds of the supernets.
        tau: Kendall's tau-b between the supernet's scores and the networks' own; ``None`` if there are too few.
        tau_count: Networks that both have scored.
        failed: Trials that came to nothing.
        is_exhaustive: Whether every architecture of the space was trained by itself.
        is_complete: Whether all trials have ended.
    """

    objective: Objective
    metric: str
    derived: Baseline | None
    random: Baseline | None
    largest: Baseline | None
    skip: Baseline | None
    search_seconds: float
    tau: float | None
    tau_count: int
    failed: int
    is_exhaustive: bool
    is_complete: bool

    @property
    def is_tested(self) -> bool:
        """Whether values are those of data by which nothing was chosen."""
        return self.metric != self.objective.metric

    @property
    def device_seconds(self) -> float:
        """Device-seconds of the search and of what it derived, which the random networks may cost as well."""
        return self.search_seconds + (0.0 if self.derived is None else self.derived.device_seconds)


def trust_report(record: ExperimentRecord, trials: Sequence[TrialRecord]) -> TrustReport:
    """Return the report of a one-shot experiment, as far as it has come."""
    objective = record.spec.objectives[0]
    trained = [trial for trial in trials if _RESULTS.intersection(roles_of(trial)) and _is_valued(objective, trial)]
    metric = _reported(objective, trained)
    tau, count = _agreement(objective, trained, metric)

    def best(*roles: Role) -> Baseline | None:
        return _best(objective, [trial for trial in trained if set(roles).intersection(roles_of(trial))], metric)

    return TrustReport(
        objective=objective,
        metric=metric,
        derived=best(Role.RETRAIN),
        random=best(Role.RANDOM, Role.SAMPLED),
        largest=best(Role.LARGEST),
        skip=best(Role.SKIP),
        search_seconds=sum(
            trial.outcome.duration_s
            for trial in trials
            if trial.proposal.task is Task.SEARCH and trial.outcome is not None
        ),
        tau=tau,
        tau_count=count,
        failed=sum(
            trial.outcome is not None and trial.outcome.status is not OutcomeStatus.COMPLETED for trial in trials
        ),
        is_exhaustive=_is_exhaustive(record, trained),
        is_complete=record.end_reason is not None,
    )


def roles_of(trial: TrialRecord) -> tuple[str, ...]:
    """Return what a trial is for; several where one network is several things."""
    notes = trial.proposal.notes
    also = notes.get("also", [])
    listed = also if isinstance(also, list) else []
    return tuple(str(role) for role in (notes.get("role"), *listed) if role is not None)


def _metrics(trial: TrialRecord) -> Mapping[str, float]:
    return {} if trial.outcome is None else trial.outcome.metrics


def _is_valued(objective: Objective, trial: TrialRecord) -> bool:
    is_completed = trial.outcome is not None and trial.outcome.status is OutcomeStatus.COMPLETED
    return is_completed and objective.metric in _metrics(trial)


def _is_exhaustive(record: ExperimentRecord, trained: Sequence[TrialRecord]) -> bool:
    space = record.spec.space
    return space is not None and len({trial.proposal.architecture for trial in trained}) >= space.size().high


def _reported(objective: Objective, trained: Sequence[TrialRecord]) -> str:
    """Return the metric on the test split if all networks have it, so that never one is held against the other."""
    tested = TEST_PREFIX + objective.metric
    return tested if trained and all(tested in _metrics(trial) for trial in trained) else objective.metric


def _best(objective: Objective, trained: Sequence[TrialRecord], metric: str) -> Baseline | None:
    if not trained:
        return None
    best = max(trained, key=lambda trial: objective.score(_metrics(trial)))
    seconds = sum(trial.outcome.duration_s for trial in trained if trial.outcome is not None)
    metrics = _metrics(best)
    return Baseline(
        best.number,
        value=metrics[metric],
        chosen_by=metrics[objective.metric],
        device_seconds=seconds,
        count=len(trained),
    )


def _agreement(objective: Objective, trained: Iterable[TrialRecord], metric: str) -> tuple[float | None, int]:
    """Return tau and the number of networks; by the objective where the supernet knows it, by its loss otherwise."""
    own: list[float] = []
    of_supernet: list[float] = []
    for trial in trained:
        if (scored := _supernet_score(objective, trial)) is not None:
            own.append(objective.score({objective.metric: _metrics(trial)[metric]}))
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
