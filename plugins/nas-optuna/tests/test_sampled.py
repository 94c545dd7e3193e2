"""What all samplers share: proposals fit the space, come from their seeds, and end when all have been tried."""

from __future__ import annotations

from random import Random
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from nas_optuna import CmaEs, GaussianProcess, NsgaII, SampledTuner, Tpe
from nas_optuna.table import table_of
from nascore.errors import ConstraintError
from nascore.record import JsonValue, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import (
    Constraint,
    DecisionValue,
    Integer,
    LiteralValue,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
)
from nascore.testing.spaces import KNOWN_SPACES, LITTLE_SPACES, choice, search_spaces
from nascore.tuner import NoProposal, Setup, validate
from nascore.tuner.suitability import why_unsuitable
from optuna.samplers import TPESampler

ACCURACY = (Objective("accuracy"),)
EVERY: list[type[SampledTuner[Any]]] = [Tpe, CmaEs, GaussianProcess, NsgaII]
EARLY: dict[str, dict[str, JsonValue]] = {
    "tpe": {"n_startup_trials": 2},
    "cmaes": {"popsize": 4},
    "gp": {"n_startup_trials": 3},
    "nsgaii": {"population_size": 3},
}
NEVER = Constraint("never", Operation(Operator.EQUAL, (DecisionValue("n"), LiteralValue(9))))


def made(
    tuner: type[SampledTuner[Any]], space: SearchSpace, *objectives: Objective, **values: JsonValue
) -> SampledTuner[Any]:
    chosen = validate(tuner.settings_type, EARLY[tuner.name] | values)
    setup = Setup(space, objectives or ACCURACY, 7)
    assert why_unsuitable(tuner, setup, chosen) == ""
    return tuner(setup, chosen)


def refusal(tuner: type[SampledTuner[Any]], space: SearchSpace, **values: JsonValue) -> str:
    return why_unsuitable(tuner, Setup(space, ACCURACY, 7), validate(tuner.settings_type, values))


def searched(search: SampledTuner[Any], count: int, seed: int = 7) -> list[Proposal]:
    """Ask and tell in turns; what is scored is how many decisions have their first value."""
    proposals = []
    for number in range(count):
        proposal = search.ask(number, proposal_seed(seed, number))
        if proposal is NoProposal.EXHAUSTED:
            break
        assert isinstance(proposal, Proposal)
        assert proposal.architecture is not None
        search.space.check(proposal.architecture)
        default = search.space.default()
        score = sum(default.get(path) == value for path, value in proposal.architecture.items())
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"accuracy": float(score)}))
        proposals.append(proposal)
    return proposals


@pytest.mark.parametrize("tuner", EVERY)
def test_space_without_architectures_is_refused(tuner: type[SampledTuner[Any]]) -> None:
    assert "constraints exclude each other" in refusal(tuner, SearchSpace((Integer("n", 0, 3),), (NEVER,)))


@pytest.mark.parametrize("tuner", EVERY)
def test_numbers_that_optuna_cannot_hold_are_refused(tuner: type[SampledTuner[Any]]) -> None:
    assert "'n' goes beyond 2**53" in refusal(tuner, SearchSpace((Integer("n", 0, 2**60),)))
    assert "'r' is wider" in refusal(tuner, SearchSpace((Real("r", -1e308, 1e308),)))


@given(search_spaces(with_reals=True))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_proposals_fit_spaces_that_nobody_thought_of(space: SearchSpace) -> None:
    try:
        space.sample(Random(0))
    except ConstraintError:
        return
    for tuner in (Tpe, NsgaII):
        searched(made(tuner, space), 6)


def test_known_spaces_are_searched() -> None:
    for space in (*KNOWN_SPACES.values(), *LITTLE_SPACES.values()):
        searched(made(Tpe, space), 5)
        searched(made(NsgaII, space), 5)


@pytest.mark.parametrize("tuner", [Tpe, CmaEs, NsgaII])
def test_proposals_come_from_their_seeds(tuner: type[SampledTuner[Any]]) -> None:
    space = KNOWN_SPACES["numeric"]
    runs = [searched(made(tuner, space), 8, seed) for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


def test_question_put_again_has_the_same_answer_and_changes_nothing() -> None:
    search, once = made(Tpe, KNOWN_SPACES["nested"]), made(Tpe, KNOWN_SPACES["nested"])
    answers = [search.ask(0, 1), search.ask(0, 1), search.ask(1, 2)]
    assert answers[0] == answers[1]
    assert answers[1:] == [once.ask(0, 1), once.ask(1, 2)]
    assert search.snapshot() == once.snapshot()


def test_proposals_are_those_of_optuna() -> None:
    """Drawn by the same sampler with the same seeds, a study of Optuna proposes exactly the same."""
    space = KNOWN_SPACES["flat28"]
    names = list(table_of(space).distributions)
    study = optuna.create_study(direction="maximize")
    search = made(Tpe, space)
    for number in range(8):
        seed = proposal_seed(7, number)
        study.sampler = TPESampler(seed=int(Random(seed).random() * 2**32), n_startup_trials=2, multivariate=True)
        trial = study.ask()
        drawn = {name: trial.suggest_categorical(name, ("conv3", "conv5", "dw3", "pool", "skip")) for name in names}
        proposal = search.ask(number, seed)
        assert isinstance(proposal, Proposal)
        assert dict(proposal.architecture or {}) == drawn
        score = float(list(drawn.values()).count("skip"))
        study.tell(trial, score)
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"accuracy": score}))


@pytest.mark.parametrize("tuner", [Tpe, NsgaII])
def test_constraints_are_kept_even_where_hardly_anything_satisfies_them(tuner: type[SampledTuner[Any]]) -> None:
    total = Operation(Operator.ADD, tuple(DecisionValue(f"n{index}") for index in range(4)))
    narrow = Constraint("narrow", Operation(Operator.EQUAL, (total, LiteralValue(1))))
    space = SearchSpace(tuple(Integer(f"n{index}", 0, 5) for index in range(4)), (narrow,))
    assert len({proposal.architecture for proposal in searched(made(tuner, space), 20)}) > 1


@pytest.mark.parametrize("tuner", [Tpe, NsgaII])
@pytest.mark.parametrize("name", ["constrained", "nested", "repeat"])
def test_without_repetition_everything_is_proposed_once_and_then_nothing(
    tuner: type[SampledTuner[Any]], name: str
) -> None:
    space = LITTLE_SPACES[name]
    search = made(tuner, space, without_repetition=True)
    found = [proposal.architecture for proposal in searched(search, 1000)]
    assert len(found) == len(set(found)) == space.size().high
    assert search.ask(5000, 1) is NoProposal.EXHAUSTED


def test_architecture_that_others_tried_is_not_proposed_without_repetition() -> None:
    space = LITTLE_SPACES["nested"]
    search = made(Tpe, space, without_repetition=True)
    search.tell(Proposal(900, space.default()), Outcome(OutcomeStatus.FAILED))
    found = [proposal.architecture for proposal in searched(search, 100)]
    assert len(found) == space.size().high - 1
    assert space.default() not in found


def test_range_of_real_numbers_is_never_exhausted() -> None:
    assert len(searched(made(Tpe, LITTLE_SPACES["numeric"], without_repetition=True), 20)) == 20


@pytest.mark.parametrize("tuner", [Tpe, CmaEs, NsgaII])
def test_failures_do_not_stop_the_search(tuner: type[SampledTuner[Any]]) -> None:
    search = made(tuner, KNOWN_SPACES["numeric"])
    for number, status in enumerate([*OutcomeStatus] * 3):
        proposal = search.ask(number, number)
        assert isinstance(proposal, Proposal)
        search.tell(proposal, Outcome(status, {"accuracy": 1.0} if status is OutcomeStatus.COMPLETED else {}))


def test_workers_do_not_try_the_same_while_trials_run() -> None:
    space = SearchSpace((choice("op", *(f"o{index}" for index in range(20))),))
    search = made(Tpe, space)
    searched(search, 10)
    batch = [search.ask(number, proposal_seed(3, number)) for number in range(10, 16)]
    found = [proposal.architecture for proposal in batch if isinstance(proposal, Proposal)]
    assert len(set(found)) > 3


def test_decisions_of_an_inactive_candidate_are_not_drawn() -> None:
    stage = Repeat("stage", (Integer("width", 8, 24, step=8),), 1, 3)
    for proposal in searched(made(Tpe, SearchSpace((stage,))), 20):
        assert proposal.architecture is not None
        assert len(proposal.architecture) == 1 + int(str(proposal.architecture["stage"]))


def test_restored_tuner_knows_what_was_tried() -> None:
    space = LITTLE_SPACES["nested"]
    first, second = (made(Tpe, space, without_repetition=True) for _ in range(2))
    searched(first, 3)
    state = first.snapshot()
    assert state is not None
    second.restore(state)
    rest = [proposal.architecture for proposal in searched(second, 100)[0:]]
    assert len(rest) == space.size().high - 3
