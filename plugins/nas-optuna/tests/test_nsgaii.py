"""NSGA-II evolves generations of whole architectures, of the tuner's own and of others."""

from __future__ import annotations

import pytest
from nas_optuna import NsgaII, NsgaIISettings
from nascore.errors import SettingsError
from nascore.record import Direction, JsonValue, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Setup, validate

FRONT = (Objective("skips"), Objective("pools"))
FLAT = KNOWN_SPACES["flat28"]


def tuner(**values: JsonValue) -> NsgaII:
    return NsgaII(Setup(FLAT, FRONT, 7), validate(NsgaIISettings, {"population_size": 10, **values}))


def ask(search: NsgaII, number: int) -> Proposal:
    proposal = search.ask(number, proposal_seed(7, number))
    assert isinstance(proposal, Proposal)
    return proposal


def counted(proposal: Proposal) -> Outcome:
    ops = list((proposal.architecture or {}).values())
    return Outcome(OutcomeStatus.COMPLETED, {"skips": float(ops.count("skip")), "pools": float(ops.count("pool"))})


def test_population_must_hold_the_parents() -> None:
    with pytest.raises(SettingsError, match="too few for spx"):
        validate(NsgaIISettings, {"population_size": 2, "crossover": "spx"})


@pytest.mark.parametrize("crossover", ["uniform", "blxalpha", "sbx", "spx", "undx", "vsbx"])
def test_every_crossover_proposes(crossover: str) -> None:
    space = KNOWN_SPACES["numeric"]
    settings = validate(NsgaIISettings, {"population_size": 4, "crossover": crossover})
    search = NsgaII(Setup(space, (Objective("loss", Direction.MINIMIZE),), 7), settings)
    for number in range(12):
        proposal = ask(search, number)
        space.check(proposal.architecture or {})
        search.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"loss": float(number % 5)}))


def test_later_generations_are_better_in_both_objectives_together() -> None:
    search = tuner()
    sums = []
    for number in range(100):
        proposal = ask(search, number)
        outcome = counted(proposal)
        sums.append(sum(outcome.metrics.values()))
        search.tell(proposal, outcome)
    assert sum(sums[-20:]) > 1.3 * sum(sums[:20])


def test_architectures_of_others_become_parents() -> None:
    search = tuner(crossover_prob=0.0, mutation_prob=0.0)
    skips = FLAT.architecture(dict.fromkeys((row.path for row in FLAT.decisions), "skip"))
    for number in range(10):
        proposal = Proposal(1000 + number, skips)
        search.tell(proposal, counted(proposal))
    assert ask(search, 0).architecture == skips
