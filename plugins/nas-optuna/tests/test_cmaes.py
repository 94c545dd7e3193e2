"""CMA-ES minimises over numbers, and says what it cannot do before a trial starts."""

from __future__ import annotations

import pytest
from nas_optuna import CmaEs, CmaEsSettings
from nascore.errors import SettingsError
from nascore.record import Direction, JsonValue, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import Integer, Real, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, LITTLE_SPACES
from nascore.tuner import Setup, validate
from nascore.tuner.suitability import why_unsuitable

LOSS = (Objective("loss", Direction.MINIMIZE),)
BOWL = SearchSpace((Real("x", -5, 5), Real("y", -5, 5), Integer("n", -20, 20)))


def refusal(space: SearchSpace, **values: JsonValue) -> str:
    return why_unsuitable(CmaEs, Setup(space, LOSS, 7), validate(CmaEsSettings, values))


def test_choices_are_refused_by_name() -> None:
    assert refusal(KNOWN_SPACES["flat28"]) == "cmaes does not handle one_of nodes, and 'layer00' is one."
    assert "repeat nodes" in refusal(KNOWN_SPACES["repeats"])
    assert refusal(KNOWN_SPACES["numeric"]) == ""


def test_several_objectives_are_refused() -> None:
    setup = Setup(BOWL, (*LOSS, Objective("accuracy")), 7)
    assert "at most 1 objective" in why_unsuitable(CmaEs, setup, CmaEsSettings())


def test_margin_refuses_what_would_change_its_proposals() -> None:
    space = LITTLE_SPACES["numeric"]
    assert "with_margin needs every proposal" in refusal(space, with_margin=True, without_repetition=True)
    assert refusal(space, with_margin=True) == ""


def test_separable_form_needs_two_dimensions() -> None:
    flat = SearchSpace((Real("x", 0, 1), Real("y", 1, 1)))
    assert "two dimensions" in refusal(flat, use_separable_cma=True)


def test_variants_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="with_margin and lr_adapt are variants"):
        validate(CmaEsSettings, {"with_margin": True, "lr_adapt": True})


def test_it_is_rebuilt_by_replay() -> None:
    assert CmaEs(Setup(BOWL, LOSS, 7), CmaEsSettings()).snapshot() is None


def minimised(**values: JsonValue) -> float:
    search = CmaEs(Setup(BOWL, LOSS, 7), validate(CmaEsSettings, values))
    losses = []
    for number in range(120):
        proposal = search.ask(number, proposal_seed(7, number))
        assert isinstance(proposal, Proposal)
        found = proposal.architecture
        assert found is not None
        losses.append(float(found["x"]) ** 2 + (float(found["y"]) - 3) ** 2 + abs(int(found["n"])))  # type: ignore[arg-type]
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"loss": losses[-1]}))
    return min(losses[-20:])


def test_bowl_is_minimised_by_every_variant() -> None:
    best = {name: minimised(**{name: True}) for name in ("with_margin", "use_separable_cma", "lr_adapt")}
    assert max(*best.values(), minimised()) < 1.5
    assert minimised(n_startup_trials=120) > 1.5


def test_one_dimension_is_enough() -> None:
    search = CmaEs(Setup(SearchSpace((Integer("n", 0, 100),)), LOSS, 7), CmaEsSettings())
    for number in range(12):
        proposal = search.ask(number, number)
        assert isinstance(proposal, Proposal)
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"loss": float(number)}))
