"""Any tuner of nascore as a sampler of Optuna.

The tuner is told all finished trials of a study, whoever ran them, each time before it is asked. So a study that is
resumed, that several processes work on, or to which trials were added is known to it as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from random import Random
from threading import Condition
from typing import Any

from nascore.errors import SpaceError, StateError
from nascore.record import AskStatus, Direction, JsonValue, Objective, Outcome, Proposal, proposal_seed
from nascore.space import Architecture, SearchSpace
from nascore.tuner import Setup, Tuner
from optuna.distributions import BaseDistribution
from optuna.exceptions import TrialPruned
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from nas_optuna.conversion import space_of
from nas_optuna.history import outcome_of, tried, values_of
from nas_optuna.parameters import ParameterValue
from nas_optuna.session import Session
from nas_optuna.suggesting import suggest
from nas_optuna.translation import Translator

_log = logging.getLogger(__name__)
_PATIENCE_S = 0.05

Space = SearchSpace | Mapping[str, BaseDistribution] | Callable[[Any], object] | str | PathLike[str]


class ExhaustedTunerError(StateError, TrialPruned):
    """The tuner has no further proposal; the trial is pruned, and the study stops."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A proposal, and the values of the parameters that stand for it."""

    proposal: Proposal
    values: Mapping[str, ParameterValue]


class NascoreSampler(BaseSampler):
    """Lets a tuner of nascore sample for a study; may be used by several threads (``n_jobs``).

    Args:
        tuner: Name of an installed tuner, ``exec:`` or ``grpc://`` address, or the class of a tuner.
        space: What trials suggest: a search space or the file of one, distributions by name, or a function that takes a
            trial and makes the suggestions.
        seed: Seed of the search; by default another one each time.
        settings: Settings of the tuner.

    Raises:
        SpaceError: The space is not valid.

    The tuner is opened with the first trial, for only then the objectives are known; what it refuses is raised there.
    """

    def __init__(
        self, tuner: str | type[Tuner[Any]], space: Space, *, seed: int | None = None, **settings: JsonValue
    ) -> None:
        self.space = _read(space)
        self._tuner = tuner
        self._settings = settings
        self._seed = Random().getrandbits(63) if seed is None else seed
        self._translator = Translator(self.space)
        self._lock = Condition()
        self._session: Session | None = None
        self._study_name = ""
        self._metrics: tuple[str, ...] = ()
        self._asked: dict[int, _Asked] = {}
        self._told: set[int] = set()
        self._first_untold = 0

    def __str__(self) -> str:
        return f"NascoreSampler({self._tuner!r})"

    def suggest(self, trial: BaseTrial) -> Architecture:
        """Suggest every active decision of the space, and return the architecture."""
        return suggest(trial, self.space)

    def close(self) -> None:
        """End the tuner; it is ended with the sampler anyway."""
        with self._lock:
            if self._session is not None:
                self._session.close()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask for the proposal of a trial; its decisions are then answered one by one, as they are suggested.

        Raises:
            ExhaustedTunerError: There is none, and there will be none.
            StateError: There is none before another trial finishes, and none is running.
        """
        with self._lock:
            session = self._opened(study)
            if trial.number not in self._asked:
                proposal = self._proposed(session, study, trial)
                assert proposal.architecture is not None, "a session checks that trials have one"
                values = self._translator.table.written(proposal.architecture, {})
                self._asked[trial.number] = _Asked(proposal, values)
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing; see `infer_relative_search_space`."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return what the proposal says of a parameter.

        Raises:
            SpaceError: The space has no such decision, another one, or none that is active in this trial.
        """
        with self._lock:
            name = self._translator.name_of(param_name)
            translation = self._translator.translation(name, param_distribution)
            values = self._asked[trial.number].values
            if name in values:
                return translation.theirs(values[name])
            self._check_active(name, trial, values)
            fallback = RandomSampler(seed=proposal_seed(self._seed, trial.number) % 2**32)
            return fallback.sample_independent(study, trial, param_name, param_distribution)

    def _check_active(self, name: str, trial: FrozenTrial, values: Mapping[str, ParameterValue]) -> None:
        """Let pass what became active because a trial was enqueued with other values than those proposed."""
        condition = self._translator.decision(name).condition
        made = self._translator.made({**values, **values_of(trial, self._translator)})
        if condition is not None and not condition.holds(made):
            found = made.get(condition.path)
            raise SpaceError(
                f"Trial {trial.number} suggests {name!r}, which needs {condition}; but {condition.path} is "
                f"{'not active either' if found is None else repr(found)}.",
                hint="Suggest it only then.",
            )

    def _proposed(self, session: Session, study: Study, trial: FrozenTrial) -> Proposal:
        seed = proposal_seed(self._seed, trial.number)
        while True:
            answer = session.ask(trial.number, seed, self._news(study))
            if isinstance(answer, Proposal):
                return answer
            if answer is AskStatus.EXHAUSTED:
                raise self._exhausted(study, trial)
            if not self._is_anyone_running(study, trial):
                raise StateError(
                    f"{self._tuner} waits for an outcome before trial {trial.number}, and no trial is running.",
                    hint="Tell the study what came of its trials.",
                )
            self._lock.wait(_PATIENCE_S)

    def _opened(self, study: Study) -> Session:
        if self._session is None:
            directions = [_direction(each) for each in study.directions]
            names = study.metric_names or _names(len(directions))
            setup = Setup(self.space, tuple(map(Objective, names, directions)), self._seed)
            self._session = Session(self._tuner, setup, self._settings)
            self._study_name, self._metrics = study.study_name, tuple(names)
        if study.study_name != self._study_name:
            raise StateError(
                f"The sampler serves the study {self._study_name!r} already; it was given to {study.study_name!r}.",
                hint="Make a sampler for each study.",
            )
        return self._session

    def _news(self, study: Study) -> list[tuple[Proposal, Outcome]]:
        """Return what came of trials that finished since the last question, in the order of their numbers."""
        found: list[tuple[Proposal, Outcome]] = []
        for trial in study.get_trials(deepcopy=False)[self._first_untold :]:
            if trial.number in self._told or not trial.state.is_finished():
                continue
            self._told.add(trial.number)
            asked = self._asked.pop(trial.number, None)
            proposal = tried(trial, self._translator, self.space, None if asked is None else asked.proposal)
            if proposal is not None:
                found.append((proposal, outcome_of(trial, self._metrics)))
            elif trial.state is TrialState.COMPLETE:
                _log.warning("Trial %d is not told to %s: it fits no architecture.", trial.number, self._tuner)
        while self._first_untold in self._told:
            self._told.remove(self._first_untold)
            self._first_untold += 1
        return found

    def _exhausted(self, study: Study, trial: FrozenTrial) -> ExhaustedTunerError:
        # A study that is asked and told by hand has nothing to stop.
        with suppress(RuntimeError):
            study.stop()
        return ExhaustedTunerError(
            f"{self._tuner} has no proposal for trial {trial.number}, and will have none.", hint="The search is over."
        )

    def _is_anyone_running(self, study: Study, trial: FrozenTrial) -> bool:
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return any(each.number != trial.number for each in running)


def _read(space: Space) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, (str, PathLike)):
        return SearchSpace.from_json(Path(space).read_text(encoding="utf-8"))
    return space_of(space)


def _names(count: int) -> list[str]:
    return ["value"] if count == 1 else [f"value{index}" for index in range(count)]


def _direction(direction: StudyDirection) -> Direction:
    return Direction.MAXIMIZE if direction is StudyDirection.MAXIMIZE else Direction.MINIMIZE
