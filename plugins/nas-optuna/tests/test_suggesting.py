"""A whole architecture is suggested by any sampler."""

from __future__ import annotations

import optuna
import pytest
from nas_optuna import suggest
from nascore.space import Constraint, DecisionValue, Integer, LiteralValue, Operation, Operator, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES
from optuna.samplers import RandomSampler, TPESampler


@pytest.mark.parametrize("name", sorted(set(KNOWN_SPACES) - {"constrained"}))
def test_architecture_fits_the_space(name: str) -> None:
    space = KNOWN_SPACES[name]
    study = optuna.create_study(sampler=TPESampler(seed=1, n_startup_trials=3))
    for number in range(8):
        trial = study.ask()
        space.check(suggest(trial, space))
        study.tell(trial, number)


def test_architecture_that_a_constraint_forbids_prunes_the_trial() -> None:
    never = Constraint("never", Operation(Operator.EQUAL, (DecisionValue("n"), LiteralValue(9))))
    space = SearchSpace((Integer("n", 0, 3),), (never,))
    study = optuna.create_study(sampler=RandomSampler(seed=1))
    with pytest.raises(optuna.TrialPruned, match="violates the constraint 'never'"):
        suggest(study.ask(), space)
