"""What a tuner has proposed and been told, as a study of Optuna in memory; saved as JSON, never pickled.

Trials of the study are numbered in the order in which the tuner met them, which with enqueued architectures is not that
of the proposals. The storage is used directly, as samplers do: `optuna.study.Study.tell` copies each trial deeply.

Not here: what the parameters mean (`nas_optuna.table`).
"""

from __future__ import annotations

import json
import logging
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from nascore.errors import DataLossError
from nascore.record import Objective, Outcome, OutcomeStatus
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_optuna.parameters import ParameterValue

LARGEST = 1e60
"""Values are cut to this size: samplers square and multiply them."""

_FORMAT = 1
_STUDY = "nascore"
_SCRATCH = "relative_params"


class Ledger:
    """Trials by the number of their proposal. Not thread-safe.

    Args:
        objectives: What is optimised.
        distributions: Every parameter that a trial may have.

    Attributes:
        study: The study, for samplers to read.
    """

    def __init__(self, objectives: Sequence[Objective], distributions: Mapping[str, BaseDistribution]) -> None:
        self._objectives = tuple(objectives)
        self._distributions = distributions
        self._storage = InMemoryStorage()
        directions = [StudyDirection[each.direction.name] for each in objectives]
        with quiet():
            self.study: Study = optuna.create_study(
                storage=self._storage, study_name=_STUDY, directions=directions, sampler=RandomSampler()
            )
        self._numbers: list[int] = []
        self._running: dict[int, int] = {}

    def begin(self, number: int) -> FrozenTrial:
        """Begin the trial of a proposal, without parameters as yet."""
        place = self.study.ask().number
        self._numbers.append(number)
        self._running[number] = place
        return self._trial(place)

    def running(self, number: int) -> FrozenTrial | None:
        """Return the running trial of a proposal, if there is one."""
        place = self._running.get(number)
        return None if place is None else self._trial(place)

    def write(self, trial: FrozenTrial, values: Mapping[str, ParameterValue]) -> None:
        """Say which parameters a trial has; what its sampler noted on the way is forgotten."""
        for name, value in values.items():
            distribution = self._distributions[name]
            self._storage.set_trial_param(trial._trial_id, name, distribution.to_internal_repr(value), distribution)
        for name in self._trial(trial.number).system_attrs:
            # Samplers share what they drew with other processes; here it is in the parameters, and may be a draw that
            # was given up. Empty it counts as absent.
            if _SCRATCH in name:
                self._storage.set_trial_system_attr(trial._trial_id, name, "")

    def finish(self, number: int, outcome: Outcome) -> None:
        """Say what came of a running trial."""
        trial = self._trial(self._running.pop(number))
        state, values = self._judged(outcome)
        if state is TrialState.PRUNED and values:
            self._storage.set_trial_intermediate_value(trial._trial_id, outcome.batches, values[0])
        self._storage.set_trial_state_values(trial._trial_id, state, values or None)

    def teaches(self, outcome: Outcome) -> bool:
        """Whether samplers learn anything from an outcome."""
        return self._judged(outcome)[0] is not TrialState.FAIL

    def to_bytes(self) -> bytes:
        """Return all of it as compressed JSON."""
        names = list(self._distributions)
        document = {
            "format": _FORMAT,
            "names": names,
            "attributes": self._storage.get_study_system_attrs(self._study_id),
            "trials": [
                [number, *self._row(trial, names)] for number, trial in zip(self._numbers, self._trials(), strict=True)
            ],
        }
        return zlib.compress(json.dumps(document, separators=(",", ":"), allow_nan=False).encode(), 1)

    def restore(self, state: bytes) -> None:
        """Take back what `to_bytes` wrote; the ledger must be new.

        Raises:
            DataLossError: The bytes were not written so, or for another space.
        """
        try:
            document = json.loads(zlib.decompress(state))
            if document["format"] != _FORMAT or document["names"] != list(self._distributions):
                raise ValueError("it is of another format or space")
            for name, value in document["attributes"].items():
                self._storage.set_study_system_attr(self._study_id, name, value)
            for row in document["trials"]:
                self._restore_trial(row)
        except (zlib.error, ValueError, TypeError, LookupError, AttributeError) as error:
            raise DataLossError(
                f"The saved state of {len(state)} bytes cannot be read: {error}.",
                hint="The tuner is rebuilt from the log instead.",
            ) from error

    @property
    def _study_id(self) -> int:
        return self._storage.get_study_id_from_name(_STUDY)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _trial(self, place: int) -> FrozenTrial:
        return self._storage.get_trial(self._storage.get_trial_id_from_study_id_trial_number(self._study_id, place))

    def _judged(self, outcome: Outcome) -> tuple[TrialState, list[float]]:
        """Return the state of a trial with an outcome, and its values; see the README."""
        found = [outcome.metrics.get(objective.metric, math.nan) for objective in self._objectives]
        values = [min(max(value, -LARGEST), LARGEST) for value in found if math.isfinite(value)]
        is_whole = len(values) == len(found)
        if outcome.status is OutcomeStatus.COMPLETED and is_whole:
            return TrialState.COMPLETE, values
        if outcome.status is OutcomeStatus.PRUNED:
            # Optuna compares pruned trials by one value only.
            return TrialState.PRUNED, values if is_whole and len(values) == 1 else []
        if outcome.status is OutcomeStatus.INFEASIBLE:
            return TrialState.PRUNED, []
        return TrialState.FAIL, []

    def _row(self, trial: FrozenTrial, names: Sequence[str]) -> list[Any]:
        params = {name: trial.distributions[name].to_internal_repr(value) for name, value in trial.params.items()}
        noted = {name: value for name, value in trial.system_attrs.items() if _SCRATCH not in name}
        return [trial.state.value, trial.values, trial.intermediate_values, noted, [params.get(name) for name in names]]

    def _restore_trial(self, row: list[Any]) -> None:
        number, state, values, steps, noted, params = row
        trial = self.begin(number)
        for (name, distribution), value in zip(self._distributions.items(), params, strict=True):
            if value is not None:
                self._storage.set_trial_param(trial._trial_id, name, value, distribution)
        for step, value in steps.items():
            self._storage.set_trial_intermediate_value(trial._trial_id, int(step), value)
        for name, value in noted.items():
            self._storage.set_trial_system_attr(trial._trial_id, name, value)
        if TrialState(state).is_finished():
            del self._running[number]
            self._storage.set_trial_state_values(trial._trial_id, TrialState(state), values)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from announcing that a study was made."""
    log = logging.getLogger("optuna")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
