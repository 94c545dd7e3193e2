"""The Gaussian process proposes better than chance in a nested space, from few trials."""

from __future__ import annotations

import pytest
from nas_optuna import GaussianProcess, GpSettings
from nascore.errors import SettingsError
from nascore.record import Direction, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import Candidate, OneOf, Real, SearchSpace
from nascore.tuner import Setup, validate

LOSS = (Objective("loss", Direction.MINIMIZE),)
SPACE = SearchSpace((OneOf("op", (Candidate("a", children=(Real("x", -1, 1),)), Candidate("b"))), Real("y", -1, 1)))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="n_startup_trials"):
        validate(GpSettings, {"n_startup_trials": 0})


def test_extreme_and_equal_values_do_not_stop_it() -> None:
    search = GaussianProcess(Setup(SPACE, LOSS, 7), GpSettings(n_startup_trials=4))
    for number, value in enumerate([1.7e308, -1.7e308, 0.0, 0.0, 1.0, 5e-324]):
        proposal = search.ask(number, number)
        assert isinstance(proposal, Proposal)
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"loss": value}))


def test_absorbing_the_log_leads_to_the_same_next_proposal() -> None:
    asked, absorbed = (GaussianProcess(Setup(SPACE, LOSS, 7), GpSettings(n_startup_trials=4)) for _ in range(2))
    for number in range(6):
        proposal = asked.ask(number, proposal_seed(7, number))
        assert isinstance(proposal, Proposal)
        absorbed.absorb(proposal, proposal_seed(7, number))
        if number != 4:  # One trial is still running.
            outcome = Outcome(OutcomeStatus.COMPLETED, {"loss": float(number % 3)})
            for search in (asked, absorbed):
                search.tell(proposal, outcome)
    assert asked.ask(6, 1) == absorbed.ask(6, 1)


def test_it_proposes_better_than_chance_after_a_few_trials() -> None:
    search = GaussianProcess(Setup(SPACE, LOSS, 7), GpSettings(n_startup_trials=5))
    losses = []
    for number in range(11):
        proposal = search.ask(number, proposal_seed(7, number))
        assert isinstance(proposal, Proposal)
        found = proposal.architecture
        assert found is not None
        inner = abs(float(str(found["op/a/x"])) - 0.5) if "op/a/x" in found else 1.0
        losses.append(inner + abs(float(str(found["y"])) + 0.5))
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"loss": losses[-1]}))
    assert sum(losses[5:]) / 6 < 0.85 * sum(losses[:5]) / 5
