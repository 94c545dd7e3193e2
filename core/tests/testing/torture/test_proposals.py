"""Comparisons of proposals pass a true log, and name the first proposal of a false one."""

import asyncio
import os
import random
from dataclasses import replace

import pytest
from nascore.experiment import Experiments, events
from nascore.journal import Holder
from nascore.record import ExperimentSpec, Limits, Proposal
from nascore.space import SearchSpace
from nascore.testing import choice
from nascore.testing.checker import Rule, entries_of_database, log_of
from nascore.testing.torture import replay_differences, uninterrupted_differences
from nascore.testing.torture.objective import outcome_of
from nascore.tuner import Determinism, LocalSession, Tuner

SPACE = SearchSpace((choice("x", *"abcdefgh"), choice("y", *"abcdefgh")))


class Remembering(Tuner):
    """Draws from the seed and from how many outcomes it was told."""

    name = "remembering"
    told = 0

    def ask(self, number, seed):
        return Proposal(number, self.space.sample(random.Random(f"{seed} {self.told}")))

    def tell(self, proposal, outcome):
        self.told += 1


class Forgetting(Remembering):
    """Draws from the hidden state of the process."""

    drawn = 0

    def ask(self, number, seed):
        Forgetting.drawn += 1
        return Proposal(number, self.space.sample(random.Random(f"{seed} {self.drawn}")))


class External(Forgetting):
    """Says itself that it does not repeat itself."""

    determinism = Determinism.NONE


@pytest.fixture
def searched(tmp_path):
    """Makes the log of twelve trials of a tuner, one after the other."""

    async def search(tuner_type):
        async def connect(name, history, on_trouble):
            return LocalSession(tuner_type)

        holder = Holder(os.getpid(), "here")
        experiments = await Experiments.open(tmp_path / "log.db", holder=holder, connect=connect)
        spec = ExperimentSpec("x", seed=3, space=SPACE, limits=Limits(max_trials=12))
        engine = await experiments.create(spec, request_id="create")
        for number in range(12):
            lease = (await engine.lease("w", f"lease-{number}")).lease
            outcome = outcome_of(lease.proposal)
            await engine.finish("w", lease.trial, lease.epoch, f"finish-{number}", outcome=outcome)
        await experiments.close()

    def searched(tuner_type):
        asyncio.run(search(tuner_type))
        return log_of(entries_of_database(tmp_path / "log.db"))

    return searched


def test_a_tuner_that_repeats_itself_passes_the_replay(searched):
    assert list(replay_differences(searched(Remembering), Remembering)) == []


def test_a_tuner_that_does_not_repeat_itself_is_found(searched):
    log = searched(Forgetting)
    assert len(list(replay_differences(log, Forgetting))) > 6
    assert list(replay_differences(log, External)) == []


def test_an_outcome_that_is_told_twice_is_found(searched):
    log = list(searched(Remembering))
    place = next(n for n, item in enumerate(log) if isinstance(item.event, events.Asked) and item.event.told_through)
    log[place] = replace(log[place], event=replace(log[place].event, told_through=0))
    (violation, *_) = replay_differences(log, Remembering)
    assert violation.rule is Rule.PROPOSALS
    assert violation.sentence.startswith("Proposal 1 comes out as")


def test_a_log_is_that_of_a_calm_search_or_its_first_other_proposal_is_named(searched, tmp_path):
    log = searched(Remembering)
    (tmp_path / "calm").mkdir()
    assert list(uninterrupted_differences(log, tmp_path / "calm", tuner_type=Remembering)) == []
    (tmp_path / "other").mkdir()
    (violation, *_) = uninterrupted_differences(log, tmp_path / "other", tuner_type=Forgetting)
    assert violation.rule is Rule.PROPOSALS
    assert violation.sentence.startswith('Proposal 0 is [{"architecture":')
