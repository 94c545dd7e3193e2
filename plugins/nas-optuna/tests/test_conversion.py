"""Spaces from what Optuna has: nested where suggestions depend on one another."""

from __future__ import annotations

from typing import Any

import pytest
from nas_optuna import space_of
from nascore.errors import SpaceError
from nascore.space import Candidate, Integer, OneOf, Real, SearchSpace
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution


def test_distribution_without_a_counterpart_is_refused_by_name() -> None:
    with pytest.raises(SpaceError, match=r"'rate' has FloatDistribution.*no counterpart"):
        space_of({"rate": FloatDistribution(0, 1, step=1e-5)})


def test_choices_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(SpaceError):
        space_of({"op": CategoricalDistribution([1, "1"])})


def test_function_with_endless_branches_is_refused() -> None:
    def define(trial: Any) -> None:
        for name in range(60):
            trial.suggest_categorical(f"op{name}", range(40))

    with pytest.raises(SpaceError, match="run 2000 times"):
        space_of(define)


def test_distributions_become_a_flat_space() -> None:
    space = space_of(
        {
            "op": CategoricalDistribution(["conv", None, 3, True]),
            "width": IntDistribution(8, 64, step=8),
            "depth": IntDistribution(1, 64, log=True),
            "rate": FloatDistribution(1e-5, 1e-1, log=True),
            "drop": FloatDistribution(0, 0.2, step=0.1),
        }
    )
    op = OneOf("op", (Candidate("conv"), Candidate("None"), Candidate("3", 3), Candidate("True", value=True)))
    drop = OneOf("drop", (Candidate("0.0", 0.0), Candidate("0.1", 0.1), Candidate("0.2", 0.2)))
    numbers = Integer("width", 8, 64, 8), Integer("depth", 1, 64, log=True), Real("rate", 1e-5, 1e-1, log=True)
    assert space == SearchSpace((op, *numbers, drop))


def test_suggestion_that_depends_on_a_choice_lies_beneath_it() -> None:
    def define(trial: Any) -> None:
        if trial.suggest_categorical("op", ["conv", "pool", "skip"]) == "conv":
            if trial.suggest_categorical("act", ["relu", "gelu"]) == "gelu":
                trial.suggest_float("slope", 0, 1)
        elif trial.suggest_categorical("op", ["conv", "pool", "skip"]) == "pool":
            trial.suggest_int("size", 2, 4)
        trial.suggest_float("rate", 1e-5, 1e-1, log=True)

    act = OneOf("act", (Candidate("relu"), Candidate("gelu", children=(Real("slope", 0, 1),))))
    size = Integer("size", 2, 4)
    candidates = Candidate("conv", children=(act,)), Candidate("pool", children=(size,)), Candidate("skip")
    op = OneOf("op", candidates)
    assert space_of(define) == SearchSpace((op, Real("rate", 1e-5, 1e-1, log=True)))


def test_suggestions_of_a_loop_are_found() -> None:
    def define(trial: Any) -> None:
        for layer in range(trial.suggest_int("layers", 1, 3)):
            trial.suggest_int(f"units{layer}", 4, 128, log=True)

    space = space_of(define)
    paths = [row.path for row in space.decisions]
    # The second layer's units are suggested for two and for three layers: one decision, which is always made.
    assert paths == ["layers", "layers/3/units2", "units0", "units1"]


def test_integer_on_which_nothing_depends_stays_a_range() -> None:
    assert space_of(lambda trial: trial.suggest_int("n", 1, 4)) == SearchSpace((Integer("n", 1, 4),))
