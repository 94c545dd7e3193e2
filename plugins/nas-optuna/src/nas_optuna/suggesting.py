"""A whole architecture from a trial of Optuna, whatever its sampler."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nascore.space import Architecture, SearchSpace, Value
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import TrialPruned
from optuna.trial import BaseTrial

from nas_optuna.table import Table, is_active, table_of


def suggest(trial: BaseTrial, space: SearchSpace) -> Architecture:
    """Suggest every decision of a space that is active, and return the architecture.

    Samplers of Optuna know nothing of constraints; with them, a trial that violates one is pruned. `NascoreSampler`
    never proposes one.

    Args:
        trial: The trial.
        space: The space.

    Raises:
        TrialPruned: The architecture violates a constraint, which is named.
    """
    decisions: dict[str, Value] = {}
    for decision in _table(space).decisions:
        if is_active(decision, decisions):
            values = {name: _suggested(trial, name, each) for name, each in decision.distributions.items()}
            decisions[decision.path] = decision.read(values)
    architecture = Architecture(decisions)
    if space.constraints and (found := space.validate(architecture)):
        raise TrialPruned(f"The architecture {found[0]}.")
    return architecture


@lru_cache(maxsize=8)
def _table(space: SearchSpace) -> Table:
    return table_of(space)


def _suggested(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
    raise AssertionError(f"{name} has {distribution}")
