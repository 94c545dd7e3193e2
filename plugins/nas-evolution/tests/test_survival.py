"""Evolution, killed at any moment, continues bit for bit."""

from __future__ import annotations

import json

import pytest
from nas_evolution import Morphism, RegularizedEvolution
from nascore.record import JsonValue, Objective
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_host_survival, check_survival
from nascore.tuner import Setup


class Forgetful(RegularizedEvolution):
    """Comes back without its newest member."""

    def restore(self, state: bytes) -> None:
        completed, ring = json.loads(state)
        super().restore(json.dumps([max(0, completed - 1), ring[:-1]]).encode())


SETTINGS: dict[str, JsonValue] = {"population_size": 4, "sample_size": 2}


@pytest.mark.parametrize("space", sorted(KNOWN_SPACES))
def test_search_goes_on_after_any_kill_as_if_nothing_had_happened(space: str) -> None:
    setup = Setup(KNOWN_SPACES[space], (Objective("accuracy"),), 7)
    check_survival(RegularizedEvolution, setup, settings=SETTINGS, examples=12)


@pytest.mark.parametrize("space", ["constrained", "repeats"])
def test_growth_goes_on_after_any_kill_as_if_nothing_had_happened(space: str) -> None:
    setup = Setup(KNOWN_SPACES[space], (Objective("accuracy"),), 7)
    check_survival(Morphism, setup, settings={**SETTINGS, "starts": 2}, examples=12)


def test_a_population_that_comes_back_without_a_member_is_noticed() -> None:
    setup = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
    with pytest.raises(AssertionError):
        check_survival(Forgetful, setup, settings=SETTINGS, examples=12)


async def test_killed_process_is_not_noticed_by_the_search() -> None:
    setup = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)
    await check_host_survival("regularized-evolution", setup, settings=SETTINGS)
