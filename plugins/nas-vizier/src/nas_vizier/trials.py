"""Vizier's trials as those of a tuner, and proposals as Vizier's suggestions."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from nascore.errors import ArchitectureError
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, Proposal
from nascore.space import Architecture
from vizier import pyvizier

from nas_vizier.study import NAMESPACE, Study

NUMBER = "proposal"
"""Key in a trial's metadata with the number of the proposal that it tries."""

_LOG = logging.getLogger(__name__)


class VizierTrial:
    """A trial of Vizier's, read as far as it is looked at; see `nascore.tuner.retold.KnownTrial`.

    Args:
        trial: As Vizier tells of it.
        study: Its study.
    """

    def __init__(self, trial: pyvizier.Trial, study: Study) -> None:
        self._trial = trial
        self._study = study

    @property
    def key(self) -> str:
        """Its id."""
        return str(self._trial.id)

    @cached_property
    def number(self) -> int | None:
        """The number that its metadata says."""
        text = str(self._trial.metadata.ns(NAMESPACE).get(NUMBER) or "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None

    @cached_property
    def architecture(self) -> Architecture | None:
        """What it tries."""
        parameters = {name: value.value for name, value in self._trial.parameters.items()}
        try:
            return self._study.form.architecture(parameters)
        except ArchitectureError as error:
            _LOG.warning("Trial %s does not fit the space and is passed over: %s", self.key, error)
            return None

    @cached_property
    def outcome(self) -> Outcome | None:
        """What came of it."""
        is_over = self._trial.status == pyvizier.TrialStatus.COMPLETED
        return _outcome(self._trial, self._study) if is_over else None

    @property
    def ended_at(self) -> float:
        """When it was completed, in Unix seconds; 0 if Vizier does not say."""
        ended = self._trial.completion_time
        return ended.timestamp() if isinstance(ended, datetime) else 0.0


def read_trials(trials: Iterable[pyvizier.Trial], study: Study) -> list[VizierTrial]:
    """Return the trials of a study."""
    return [VizierTrial(trial, study) for trial in trials]


def suggestion(proposal: Proposal, study: Study) -> pyvizier.TrialSuggestion:
    """Return a proposal as Vizier's suggestion, with its number in the metadata."""
    assert proposal.architecture is not None
    made = pyvizier.TrialSuggestion(study.form.parameters(proposal.architecture))
    made.metadata.ns(NAMESPACE)[NUMBER] = str(proposal.number)
    return made


def _outcome(trial: pyvizier.Trial, study: Study) -> Outcome:
    duration_s = max(0.0, trial.duration.total_seconds()) if trial.duration is not None else 0.0
    if trial.infeasible:
        failure = Failure(FailureKind.INFEASIBLE, trial.infeasibility_reason or "Vizier was not told why.")
        return Outcome(OutcomeStatus.INFEASIBLE, duration_s=duration_s, failure=failure)
    final = {} if trial.final_measurement is None else trial.final_measurement.metrics
    values = {study.metric(name): metric.value for name, metric in final.items()}
    metrics = {name: value for name, value in values.items() if math.isfinite(value)}
    wanted = [objective.metric for objective in study.setup.objectives]
    if missing := [name for name in wanted if name not in values]:
        failure = Failure(FailureKind.EXCEPTION, f"It ended without {', '.join(missing)}.")
        return Outcome(OutcomeStatus.FAILED, duration_s=duration_s, failure=failure)
    if odd := [name for name in wanted if name not in metrics]:
        failure = Failure(FailureKind.NON_FINITE, f"{', '.join(odd)} was not finite.")
        return Outcome(OutcomeStatus.NON_FINITE, duration_s=duration_s, failure=failure)
    return Outcome(OutcomeStatus.COMPLETED, metrics, duration_s=duration_s)
