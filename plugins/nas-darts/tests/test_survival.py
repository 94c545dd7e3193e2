"""A tuner, killed at any moment, continues bit for bit from its saved state."""

from __future__ import annotations

import pytest
from nas_darts import Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas
from nas_darts.mixture_tuner import MixtureTuner
from nascore.record import JsonValue, Objective, Outcome, Proposal, proposal_seed
from nascore.testing.judging import PlantedPath
from nascore.testing.judging.session import outcome_of
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_survival
from nascore.tuner import Mode, NoProposal, Schedule, Setup, validate

CASES: dict[str, tuple[type[MixtureTuner], dict[str, JsonValue]]] = {
    "darts": (Darts, {"order": 2}),
    "darts, perturbation": (Darts, {"selection": "perturbation", "perturbation_tuning_epochs": 1}),
    "directgrad": (DirectGrad, {}),
    "drnas": (DrNas, {"is_progressive": True, "second_stage_candidates": 2}),
    "drnas, divergence": (DrNas, {"regulariser": "kl"}),
    "gdas": (Gdas, {}),
    "pc-darts": (PcDarts, {}),
    "proxyless": (Proxyless, {"gradient_every": 2}),
    "proxyless, two paths": (Proxyless, {"gradient_every": 1, "paths": "two-path"}),
    "snas": (Snas, {}),
}


def prepared(case: str, *, workers: int = 2) -> tuple[PlantedPath, Setup, MixtureTuner]:
    tuner_type, settings = CASES[case]
    task = PlantedPath(3, layers=3, maps=3, unmixable=(1,))
    setup = Setup(
        task.space,
        (task.objective,),
        7,
        batches_per_epoch=3,
        mode=Mode.ONE_SHOT,
        schedule=Schedule(3, warmup_epochs=1),
        workers=workers,
        unmixable=task.unmixable,
    )
    return task, setup, tuner_type(setup, validate(tuner_type.settings_type, settings))


@pytest.mark.parametrize("case", sorted(CASES))
def test_restored_at_every_step_it_proposes_the_same(case: str) -> None:
    task, setup, calm = prepared(case)
    worker = task.worker(1)
    rough = type(calm)(setup, calm.settings)
    number = 0
    waiting: list[tuple[Proposal, Outcome]] = []
    while True:
        state = rough.snapshot()
        rough = type(calm)(setup, calm.settings)
        rough.restore(state)
        assert rough.snapshot() == state
        seed = proposal_seed(setup.seed, number)
        expected, found = calm.ask(number, seed), rough.ask(number, seed)
        assert found == expected
        if isinstance(expected, Proposal):
            number += 1
            waiting.append((expected, outcome_of(worker, expected, task, seed=seed)))
            continue
        if expected is NoProposal.EXHAUSTED:
            break
        proposal, outcome = waiting.pop(0)
        calm.tell(proposal, outcome)
        rough.tell(proposal, outcome)
    assert number >= 12
    assert rough.derive(3) == calm.derive(3)


@pytest.mark.parametrize("case", sorted(CASES))
def test_search_goes_on_after_any_kill_as_if_nothing_had_happened(case: str) -> None:
    tuner_type, settings = CASES[case]
    setup = Setup(
        KNOWN_SPACES["nested"],
        (Objective("accuracy"),),
        7,
        batches_per_epoch=2,
        mode=Mode.ONE_SHOT,
        schedule=Schedule(2, warmup_epochs=1),
        workers=2,
    )
    check_survival(tuner_type, setup, settings=settings, examples=8)
