"""The tuners of this package, killed at any moment, continue bit for bit (trial by trial)."""

from __future__ import annotations

import pytest
from nas_enas import Enas, Ppo, Reinforce
from nas_enas.tuner import PolicyTuner
from nascore.record import Objective
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_host_survival, check_survival
from nascore.tuner import Setup

OBJECTIVES = (Objective("accuracy"),)
QUICK = {"samples": 2, "learning_rate": 0.05}
LSTM = {**QUICK, "hidden": 6}


@pytest.mark.parametrize("space", ["nested", "repeats", "numeric"])
@pytest.mark.parametrize(
    ("tuner", "settings"),
    [(Enas, LSTM), (Ppo, {**LSTM, "passes": 2}), (Reinforce, QUICK)],
    ids=lambda value: str(value)[:24],
)
def test_search_goes_on_after_any_kill_as_if_nothing_had_happened(
    space: str, tuner: type[PolicyTuner], settings: dict[str, float]
) -> None:
    check_survival(tuner, Setup(KNOWN_SPACES[space], OBJECTIVES, 7), settings=settings, examples=5)


async def test_killed_process_is_not_noticed_by_the_search() -> None:
    await check_host_survival("enas", Setup(KNOWN_SPACES["nested"], OBJECTIVES, 7), settings=LSTM)
