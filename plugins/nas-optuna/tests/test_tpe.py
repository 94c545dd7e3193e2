"""TPE finds what is planted, with one objective and with two."""

from __future__ import annotations

from random import Random

import pytest
from nas_optuna import Tpe, TpeSettings
from nascore.errors import SettingsError
from nascore.record import Direction, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Setup, validate
from optuna.samplers import TPESampler

TWO = (Objective("hits"), Objective("misses", Direction.MINIMIZE))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="n_ei_candidates"):
        validate(TpeSettings, {"n_ei_candidates": 0})


def test_groups_are_drawn_jointly_with_one_objective_only() -> None:
    space = KNOWN_SPACES["nested"]
    assert Tpe(Setup(space, TWO[:1], 1), TpeSettings()).is_joint
    assert not Tpe(Setup(space, TWO, 1), TpeSettings()).is_joint
    assert Tpe(Setup(space, TWO, 1), TpeSettings(multivariate=True)).is_joint


def test_sampler_has_the_defaults_of_optuna() -> None:
    search = Tpe(Setup(KNOWN_SPACES["nested"], TWO[:1], 1), TpeSettings())
    ours, theirs = vars(search.sampler(3)), vars(TPESampler(seed=3, multivariate=True))
    plain = [name for name, value in theirs.items() if isinstance(value, (bool, int, type(None)))]
    assert len(plain) > 4
    assert {name: ours[name] for name in plain} == {name: theirs[name] for name in plain}


@pytest.mark.parametrize("space", ["nested", "repeats"])
@pytest.mark.parametrize("objectives", [TWO[:1], TWO], ids=["one", "two"])
def test_planted_architecture_is_found_better_than_by_chance(space: str, objectives: tuple[Objective, ...]) -> None:
    known, budget = KNOWN_SPACES[space], 50
    sums = {"tpe": 0.0, "chance": 0.0}
    for seed in range(3):
        target = known.sample(Random(100 + seed))
        for name, startup in (("tpe", 10), ("chance", budget)):
            search = Tpe(Setup(known, objectives, seed), TpeSettings(n_startup_trials=startup))
            late = 0.0
            for number in range(budget):
                proposal = search.ask(number, proposal_seed(seed, number))
                assert isinstance(proposal, Proposal)
                found = proposal.architecture or {}
                hits = sum(found.get(path) == value for path, value in target.items()) / len(target)
                late += hits * (number >= budget // 2)
                outcome = Outcome(OutcomeStatus.COMPLETED, {"hits": hits, "misses": 1 - hits})
                search.tell(proposal, outcome)
            sums[name] += late
    assert sums["tpe"] > 1.2 * sums["chance"]
