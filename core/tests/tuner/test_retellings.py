"""Several experiments, each with a tuner of its own in a process of its own, and no more of them than fit."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psutil
import pytest
from nascore.errors import NotFoundError, SettingsError, StateError, TunerCrashedError, UnsupportedError
from nascore.record import Objective
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, Setup
from nascore.tuner.retellings import Retellings

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)


@pytest.fixture
async def make():
    made = []

    def start(tuner="random", **options):
        made.append(Retellings(tuner, **options))
        return made[-1]

    yield start
    for each in made:
        await each.close()


@pytest.fixture
def tuners(leftovers):
    """Return the hosts of tuners that this test started."""
    return lambda: [each for each in leftovers() if "nascore.tuner.host" in command_of(each)]


def command_of(process):
    with suppress(psutil.Error):  # It has ended since it was listed.
        return process.cmdline()
    return []


async def first(retellings, name, setup=SETUP, settings=None):
    async with retellings.use(name, setup, settings or {}) as retelling:
        return (await retelling.propose(1, trials=[], chronicle="")).proposals[0].architecture


async def test_a_tuner_that_is_not_installed_is_said_when_it_is_described(make):
    with pytest.raises(NotFoundError, match="nowhere"):
        await make("nowhere").describe()


async def test_a_refusal_costs_no_tuner_and_the_next_experiment_is_served(make, tuners):
    retellings = make()
    assert (await retellings.describe()).name == "random"
    (tuner,) = tuners()
    with pytest.raises(SettingsError, match="hole"):
        await first(retellings, "a", settings={"hole": 1})
    assert await first(retellings, "a")
    assert tuners() == [tuner]


async def test_a_tuner_that_sets_budgets_or_needs_its_saved_state_is_refused(make):
    with pytest.raises(UnsupportedError, match=r"could not go on|does not search"):
        await first(make("darts"), "a")


async def test_an_experiment_keeps_its_tuner_and_another_setup_opens_it_anew(make, tuners):
    retellings = make()
    async with retellings.use("a", SETUP, {}) as one, retellings.use("a", SETUP, {}) as two:
        assert one is two
    async with retellings.use("a", SETUP, {"uniform": "architectures"}) as three:
        assert three is not one
    assert len(tuners()) == 1


async def test_of_too_many_the_one_that_was_not_used_longest_is_closed(make, tuners):
    retellings = make(most_open=2)
    before = [
        await first(retellings, name, Setup(SETUP.space, SETUP.objectives, seed)) for seed, name in enumerate("ab")
    ]
    assert len(tuners()) == 2
    async with retellings.use("a", Setup(SETUP.space, SETUP.objectives, 0), {}) as kept:
        await first(retellings, "c")
        assert len(tuners()) == 2
        async with retellings.use("a", Setup(SETUP.space, SETUP.objectives, 0), {}) as again:
            assert again is kept
    assert await first(retellings, "b", Setup(SETUP.space, SETUP.objectives, 1)) == before[1]


async def test_one_that_is_used_is_not_closed_for_another(make):
    retellings = make(most_open=1)
    async with retellings.use("a", SETUP, {}) as one:
        assert await asyncio.gather(*(first(retellings, name) for name in "bc"))
        assert (await one.propose(1, trials=[], chronicle="")).proposals


async def test_a_tuner_that_dies_in_between_is_brought_to_where_it_was(make, troubled, tmp_path):
    found = []
    for vice in ("", "exit"):
        settings = {"vice": vice, "at": 4, "marker": str(tmp_path / "done")}
        retellings = make(troubled, limits=HostLimits(backoff_s=0.01))
        async with retellings.use("a", SETUP, settings) as retelling:
            first = await retelling.propose(4, trials=[], chronicle="")
            found.append([first, await retelling.propose(2, trials=[], chronicle=first.chronicle)])
    assert (tmp_path / "done").exists()
    assert found[0] == found[1]


@pytest.mark.slow
async def test_one_whose_tuner_crashed_for_good_is_opened_anew(make, troubled):
    retellings, used = make(troubled, limits=HostLimits(backoff_s=0.01, max_deaths=2)), []

    async def ask():
        async with retellings.use("a", SETUP, {"vice": "exit", "at": 0}) as retelling:
            used.append(retelling)
            await retelling.propose(1, trials=[], chronicle="")

    for _ in range(3):  # It dies twice, is given up, and begins again.
        with pytest.raises(TunerCrashedError, match="exit status 3"):
            await ask()
    assert used[0] is used[1]
    assert used[1] is not used[2]


async def test_when_they_are_closed_nothing_is_left_and_nothing_is_opened(make, tuners):
    retellings = make()
    await retellings.describe()
    await first(retellings, "a")
    await first(retellings, "b")
    left = tuners()
    await retellings.close()
    assert not psutil.wait_procs(left, timeout=60)[1]
    with pytest.raises(StateError, match="ending"):
        await first(retellings, "a")
