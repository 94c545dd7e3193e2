"""The ledger is what a tuner knows: states of trials as Optuna has them, and bytes that only it can have written."""

from __future__ import annotations

import logging
import zlib

import pytest
from nas_optuna.ledger import LARGEST, Ledger
from nas_optuna.table import table_of
from nascore.errors import DataLossError
from nascore.record import Direction, Objective, Outcome, OutcomeStatus
from nascore.space import Integer, SearchSpace
from nascore.testing.spaces import choice
from optuna.study import StudyDirection
from optuna.trial import TrialState

SPACE = SearchSpace((choice("op", "a", "b"), Integer("k", 1, 8)))
TWO = (Objective("accuracy"), Objective("loss", Direction.MINIMIZE))


def ledger(*objectives: Objective, space: SearchSpace = SPACE) -> Ledger:
    return Ledger(objectives or TWO[:1], table_of(space).distributions)


def filled() -> Ledger:
    kept = ledger()
    for number in (0, 1, 2, 7):
        trial = kept.begin(number)
        kept.write(trial, {"op": "ab"[number % 2], "k": number + 1})
    kept.finish(1, Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.1}))
    kept.finish(0, Outcome(OutcomeStatus.PRUNED, {"accuracy": 0.2}, batches=30))
    kept.finish(7, Outcome(OutcomeStatus.FAILED))
    return kept


def told(outcome: Outcome, *objectives: Objective) -> tuple[TrialState, list[float] | None]:
    kept = ledger(*objectives)
    kept.write(kept.begin(5), {"op": "a", "k": 1})
    kept.finish(5, outcome)
    (trial,) = kept.study.trials
    return trial.state, trial.values


@pytest.mark.parametrize("state", [b"", b"garbage", zlib.compress(b""), zlib.compress(b"[]"), zlib.compress(b"{}")])
def test_bytes_that_it_never_wrote_are_refused(state: bytes) -> None:
    with pytest.raises(DataLossError, match=f"saved state of {len(state)} bytes"):
        ledger().restore(state)


def test_state_that_lost_its_end_is_refused() -> None:
    state = filled().to_bytes()
    for size in range(0, len(state), 7):
        with pytest.raises(DataLossError):
            ledger().restore(state[:size])


def test_state_of_another_space_is_refused() -> None:
    with pytest.raises(DataLossError, match="another format or space"):
        ledger(space=SearchSpace((Integer("k", 1, 8),))).restore(filled().to_bytes())


def test_restored_ledger_is_the_same() -> None:
    first, second = filled(), ledger()
    second.restore(first.to_bytes())
    assert second.to_bytes() == first.to_bytes()
    for before, after in zip(first.study.trials, second.study.trials, strict=True):
        assert (before.params, before.distributions, before.state) == (after.params, after.distributions, after.state)
        assert (before.values, before.intermediate_values) == (after.values, after.intermediate_values)
    running = second.running(2)
    assert running is not None
    assert running.params == {"op": "a", "k": 3}
    assert [second.running(number) for number in (0, 1, 7, 99)] == [None] * 4


def test_restored_values_are_in_the_order_of_the_objectives() -> None:
    first, second = ledger(*TWO), ledger(*TWO)
    first.write(first.begin(0), {"op": "a", "k": 1})
    first.finish(0, Outcome(OutcomeStatus.COMPLETED, {"loss": 2.0, "accuracy": 0.5}))
    second.restore(first.to_bytes())
    assert second.study.trials[0].values == first.study.trials[0].values == [0.5, 2.0]


def test_directions_are_those_of_the_objectives() -> None:
    assert ledger(*TWO).study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]


def test_outcomes_become_states() -> None:
    finite, nothing = {"accuracy": 0.5, "loss": 1.0}, None
    assert told(Outcome(OutcomeStatus.COMPLETED, finite)) == (TrialState.COMPLETE, [0.5])
    assert told(Outcome(OutcomeStatus.COMPLETED, finite), *TWO) == (TrialState.COMPLETE, [0.5, 1.0])
    assert told(Outcome(OutcomeStatus.PRUNED, finite)) == (TrialState.PRUNED, [0.5])
    assert told(Outcome(OutcomeStatus.PRUNED)) == (TrialState.PRUNED, nothing)
    assert told(Outcome(OutcomeStatus.PRUNED, finite), *TWO) == (TrialState.PRUNED, nothing)
    assert told(Outcome(OutcomeStatus.INFEASIBLE)) == (TrialState.PRUNED, nothing)
    assert told(Outcome(OutcomeStatus.FAILED)) == (TrialState.FAIL, nothing)
    assert told(Outcome(OutcomeStatus.NON_FINITE)) == (TrialState.FAIL, nothing)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_value_that_is_not_finite_fails_the_trial(value: float) -> None:
    assert told(Outcome(OutcomeStatus.COMPLETED, {"accuracy": value})) == (TrialState.FAIL, None)
    assert told(Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0, "loss": value}), *TWO) == (TrialState.FAIL, None)


def test_huge_values_are_cut() -> None:
    assert told(Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.7e308})) == (TrialState.COMPLETE, [LARGEST])
    assert told(Outcome(OutcomeStatus.COMPLETED, {"accuracy": -1.7e308})) == (TrialState.COMPLETE, [-LARGEST])


def test_pruned_trial_has_its_value_at_its_batches() -> None:
    assert filled().study.trials[0].intermediate_values == {30: 0.2}


def test_optuna_announces_nothing(caplog: pytest.LogCaptureFixture) -> None:
    level = logging.getLogger("optuna").level
    ledger()
    assert not caplog.records
    assert logging.getLogger("optuna").level == level
