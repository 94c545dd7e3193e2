"""Tuners of nascore sample for studies of Optuna: nested, in parallel, resumed; what is wrong they say clearly."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Barrier, Thread
from threading import enumerate as running_threads
from typing import Any, ClassVar

import optuna
import pytest
from nas_optuna import ExhaustedTunerError, NascoreSampler
from nascore.errors import NotFoundError, SettingsError, SpaceError, StateError, UnsupportedError
from nascore.record import Outcome, OutcomeStatus, Proposal
from nascore.space import Candidate, Integer, OneOf, Real, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import NoProposal, Settings, Setup, Tuner
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import Trial, TrialState

CONV = Candidate("conv", children=(OneOf("kernel", (Candidate("k3", 3), Candidate("k5", 5))),))
SPACE = SearchSpace((OneOf("op", (CONV, Candidate("skip"))), Integer("width", 8, 32, 8), Real("rate", 0, 1)))


class Recorder(Tuner[Settings]):
    """Proposes at random, and keeps what it was told; for several objectives."""

    name = "recorder"
    max_objectives = 0
    last: ClassVar[Recorder]

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.told: list[tuple[Proposal, Outcome]] = []
        Recorder.last = self

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return Proposal(number, self.space.sample(Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.told.append((proposal, outcome))


class Pair(Recorder):
    """Two proposals, and then none."""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return NoProposal.EXHAUSTED if number >= 2 else super().ask(number, seed)


class Patient(Recorder):
    """Waits for the outcome of each proposal."""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return NoProposal.WAIT if len(self.told) < number else super().ask(number, seed)


def objective(trial: Trial) -> float:
    if trial.suggest_categorical("op", ["conv", "skip"]) == "conv":
        assert trial.suggest_categorical("op/conv/kernel", [3, 5]) in {3, 5}
    return trial.suggest_int("width", 8, 32, step=8) * trial.suggest_float("rate", 0, 1)


def study_of(sampler: NascoreSampler, **options: Any) -> Study:
    return optuna.create_study(sampler=sampler, **options)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def test_unknown_tuner_is_refused_by_name() -> None:
    with pytest.raises(NotFoundError, match="No tuner 'randon' is installed"):
        study_of(NascoreSampler("randon", SPACE)).optimize(objective, 1)


def test_wrong_setting_is_refused_by_name() -> None:
    sampler = NascoreSampler("regularized-evolution", SPACE, population=3)
    with pytest.raises(SettingsError, match="population: There is no such setting"):
        study_of(sampler).optimize(objective, 1)


def test_several_objectives_are_refused_by_a_tuner_of_one() -> None:
    sampler = NascoreSampler("regularized-evolution", SPACE)
    with pytest.raises(UnsupportedError, match="at most 1 objective"):
        study_of(sampler, directions=["minimize", "maximize"]).ask().suggest_float("rate", 0, 1)


def test_name_that_is_not_in_the_space_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"suggests 'widht'.*Did you mean 'width'"):
        study_of(NascoreSampler(Recorder, SPACE)).ask().suggest_int("widht", 8, 32, step=8)


def test_other_distribution_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"'width' from IntDistribution.*but the space has IntDistribution"):
        study_of(NascoreSampler(Recorder, SPACE)).ask().suggest_int("width", 8, 64, step=8)


def test_suggestion_that_is_not_active_is_refused_with_its_condition() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))
    while (trial := study.ask()).suggest_categorical("op", ["conv", "skip"]) == "conv":
        pass
    with pytest.raises(SpaceError, match=r"'op/conv/kernel', which needs op = conv; but op is 'skip'"):
        trial.suggest_categorical("op/conv/kernel", [3, 5])


def test_second_study_is_refused() -> None:
    sampler = NascoreSampler(Recorder, SPACE)
    study_of(sampler, study_name="first").optimize(objective, 1)
    with pytest.raises(StateError, match="serves the study 'first' already; it was given to 'second'"):
        study_of(sampler, study_name="second").optimize(objective, 1)


def test_proposals_are_answered_and_outcomes_told() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))
    study.optimize(objective, 6)
    told = Recorder.last.told
    assert [proposal.number for proposal, _ in told] == [0, 1, 2, 3, 4]
    for (proposal, outcome), trial in zip(told, study.trials, strict=False):
        assert proposal.architecture is not None
        assert outcome.metrics == {"value": trial.value}
        written = {**proposal.architecture}
        if "op/conv/kernel" in written:
            written["op/conv/kernel"] = {"k3": 3, "k5": 5}[str(written["op/conv/kernel"])]
        assert trial.params == written


def test_same_seed_gives_the_same_study() -> None:
    studies = [study_of(NascoreSampler("regularized-evolution", SPACE, seed=seed)) for seed in (3, 3, 4)]
    for study in studies:
        study.optimize(objective, 8)
    first, second, other = [[trial.params for trial in study.trials] for study in studies]
    assert first == second != other


def test_evolution_improves_a_study() -> None:
    space = KNOWN_SPACES["flat28"]
    sampler = NascoreSampler("regularized-evolution", space, seed=1, population_size=20, sample_size=5)
    study = study_of(sampler, direction="maximize")
    study.optimize(lambda trial: list(sampler.suggest(trial).values()).count("skip"), 150)
    values = [trial.value or 0 for trial in study.trials]
    assert sum(values[-20:]) > 1.3 * sum(values[:20])


def test_failed_pruned_and_infinite_trials_are_told_as_they_are() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))

    def fails(trial: Trial) -> float:
        objective(trial)
        match trial.number:
            case 0:
                raise ValueError("on purpose")
            case 1:
                trial.report(0.25, 3)
                raise optuna.TrialPruned
            case 2:
                return float("inf")
            case 3:
                return float("nan")
            case 4:
                trial.set_constraint("memory", 1.0)
        return 1.0

    study.optimize(fails, 7, catch=ValueError)
    told = [outcome for _, outcome in Recorder.last.told]
    expected = [OutcomeStatus.FAILED, OutcomeStatus.PRUNED, OutcomeStatus.NON_FINITE, OutcomeStatus.FAILED]
    assert [outcome.status for outcome in told] == [*expected, OutcomeStatus.INFEASIBLE, OutcomeStatus.COMPLETED]
    assert told[1].metrics == {"value": 0.25}


def test_several_objectives_have_their_names_and_directions() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE), directions=["minimize", "maximize"])
    study.optimize(lambda trial: (objective(trial), 2.0), 2)
    assert [(each.metric, each.direction.value) for each in Recorder.last.objectives] == [
        ("value0", "minimize"),
        ("value1", "maximize"),
    ]
    assert Recorder.last.told[0][1].metrics["value1"] == 2.0


def test_resumed_study_tells_what_finished_before() -> None:
    storage = InMemoryStorage()
    study_of(NascoreSampler(Recorder, SPACE, seed=1), storage=storage, study_name="s").optimize(objective, 4)
    again = optuna.load_study(study_name="s", storage=storage, sampler=NascoreSampler(Recorder, SPACE, seed=1))
    again.optimize(objective, 1)
    assert [proposal.number for proposal, _ in Recorder.last.told] == [0, 1, 2, 3]
    for proposal, _ in Recorder.last.told:
        SPACE.check(proposal.architecture or {})


def test_trials_of_others_are_told_and_what_does_not_fit_is_left_out() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))
    rate, width = FloatDistribution(0, 1), IntDistribution(8, 32, step=8)
    op, kernel = CategoricalDistribution(["conv", "skip"]), CategoricalDistribution([5, 3])
    distributions = {"op": op, "op/conv/kernel": kernel, "width": width, "rate": rate}
    params = {"op": "conv", "op/conv/kernel": 3, "width": 8, "rate": 0.5}
    study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=1.0))
    study.add_trial(optuna.create_trial(params={"x": 0.5}, distributions={"x": rate}, value=1.0))
    study.optimize(objective, 1)
    ((proposal, _),) = Recorder.last.told
    assert dict(proposal.architecture or {}) == {**params, "op/conv/kernel": "k3"}


def test_what_a_trial_did_not_suggest_is_told_as_it_was_proposed() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))
    study.optimize(lambda trial: trial.suggest_int("width", 8, 32, step=8), 6)
    told = [proposal.architecture or {} for proposal, _ in Recorder.last.told]
    assert [architecture["width"] for architecture in told] == [trial.params["width"] for trial in study.trials[:5]]
    assert len({architecture["rate"] for architecture in told}) == 5


def test_enqueued_values_take_the_place_of_proposed_ones() -> None:
    study = study_of(NascoreSampler(Recorder, SPACE, seed=1))
    for op in ("conv", "skip"):
        study.enqueue_trial({"op": op})
    study.optimize(objective, 3)
    told = [proposal.architecture or {} for proposal, _ in Recorder.last.told]
    assert [architecture["op"] for architecture in told] == ["conv", "skip"]
    for architecture in told:
        SPACE.check(architecture)


def test_threads_ask_and_tell_at_the_same_time() -> None:
    study, meeting = study_of(NascoreSampler(Recorder, SPACE, seed=1)), Barrier(4, timeout=60)

    def together(trial: Trial) -> float:
        found = objective(trial)
        meeting.wait()
        return found

    study.optimize(together, 12, n_jobs=4)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 12
    assert len({proposal.number for proposal, _ in Recorder.last.told}) == len(Recorder.last.told) >= 8


def test_tuner_that_has_no_more_ends_the_study() -> None:
    study = study_of(NascoreSampler(Pair, SPACE))
    study.optimize(objective, 50)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2 + [TrialState.PRUNED]


def test_tuner_that_has_no_more_says_so_when_asked_by_hand() -> None:
    study = study_of(NascoreSampler(Pair, SPACE))
    study.optimize(objective, 2)
    with pytest.raises(ExhaustedTunerError, match="no proposal for trial 2, and will have none"):
        study.ask().suggest_float("rate", 0, 1)


def test_tuner_that_waits_is_asked_again_after_the_next_outcome() -> None:
    study = study_of(NascoreSampler(Patient, SPACE))
    study.optimize(objective, 8, n_jobs=2)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 8


def test_tuner_that_waits_for_nobody_is_refused() -> None:
    study = study_of(NascoreSampler(Patient, SPACE))
    study.add_trial(optuna.create_trial(state=TrialState.FAIL))
    with pytest.raises(StateError, match="waits for an outcome before trial 1, and no trial is running"):
        study.ask().suggest_float("rate", 0, 1)


def test_space_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "space.json").write_text(SPACE.to_json())
    assert NascoreSampler(Recorder, tmp_path / "space.json").space == SPACE
    assert NascoreSampler(Recorder, str(tmp_path / "space.json")).space == SPACE


def test_space_may_be_distributions() -> None:
    choices = CategoricalDistribution([None, "adam", 3, True])
    sampler = NascoreSampler(Recorder, {"a/b": choices, "step": FloatDistribution(0, 0.3, step=0.1)}, seed=1)
    study = study_of(sampler)

    def flat(trial: Trial) -> float:
        assert trial.suggest_categorical("a/b", [None, "adam", 3, True]) in {None, "adam", 3, True}
        return trial.suggest_float("step", 0, 0.3, step=0.1)

    study.optimize(flat, 10)
    assert len(Recorder.last.told) == 9


def test_space_may_be_a_function_that_suggests() -> None:
    study = study_of(NascoreSampler("regularized-evolution", loop, seed=1, population_size=3, sample_size=2))
    study.optimize(loop, 10)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


def loop(trial: Any) -> float:
    return sum(trial.suggest_float(f"x{index}", 0, 1) for index in range(trial.suggest_int("count", 1, 3)))


def test_tuner_ends_with_its_sampler() -> None:
    gc.collect()
    before = set(running_threads())

    def begun() -> set[Thread]:
        # Those of earlier tests may end meanwhile.
        return set(running_threads()) - before

    sampler = NascoreSampler(Recorder, SPACE)
    study_of(sampler).optimize(objective, 1)
    assert begun()
    sampler.close()
    sampler.close()
    assert not begun()
    forgotten = NascoreSampler(Recorder, SPACE)
    study_of(forgotten).optimize(objective, 1)
    del forgotten
    gc.collect()
    assert not begun()


def test_choice_of_several_is_suggested_whole() -> None:
    space = KNOWN_SPACES["mixed"]
    sampler = NascoreSampler("random", space, seed=1)
    study = study_of(sampler)
    for _ in range(10):
        trial = study.ask()
        space.check(sampler.suggest(trial))
        study.tell(trial, 1.0)


def test_constraints_are_kept() -> None:
    space = KNOWN_SPACES["constrained"]
    sampler = NascoreSampler("random", space, seed=1)
    study = study_of(sampler)
    study.optimize(lambda trial: len(sampler.suggest(trial)), 20)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


def test_program_samples_for_a_study() -> None:
    program = Path(__file__).parents[3] / "examples" / "tuners" / "minimal_python" / "tuner.py"
    if not program.exists():
        pytest.skip("the examples are not here")
    sampler = NascoreSampler(f"exec:{sys.executable} {program}", KNOWN_SPACES["flat28"], seed=1)
    study = study_of(sampler, direction="maximize")
    study.optimize(lambda trial: list(sampler.suggest(trial).values()).count("skip"), 12)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 12
    sampler.close()
