"""Random search, killed at any moment, continues bit for bit."""

from __future__ import annotations

import pytest
from nas_random import RandomSearch
from nascore.record import JsonValue, Objective
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_host_survival, check_survival
from nascore.tuner import Setup

OBJECTIVES = (Objective("accuracy"), Objective("latency"))


@pytest.mark.parametrize("space", sorted(KNOWN_SPACES))
@pytest.mark.parametrize("settings", [{}, {"without_repetition": True}], ids=["plain", "without-repetition"])
def test_search_goes_on_after_any_kill_as_if_nothing_had_happened(space: str, settings: dict[str, JsonValue]) -> None:
    check_survival(RandomSearch, Setup(KNOWN_SPACES[space], OBJECTIVES, 7), settings=settings, examples=10)


async def test_killed_process_is_not_noticed_by_the_search() -> None:
    setup = Setup(KNOWN_SPACES["shared"], OBJECTIVES, 7)
    await check_host_survival("random", setup, settings={"without_repetition": True})
