"""A tuner that learns nothing is asked ahead: no worker waits for it, and not one proposal changes."""

import random

from nascore.record import Limits, Proposal
from nascore.tuner.contract import Determinism, Tuner


class Dice(Tuner):
    """Draws each architecture from its seed alone."""

    name = "dice"
    determinism = Determinism.HISTORY
    ignores_outcomes = True
    asks = 0

    def ask(self, number, seed):
        type(self).asks += 1
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal, outcome):
        pass


class CarefulDice(Dice):
    """The same, without saying so."""

    ignores_outcomes = False


async def sequence(world, tuner, trials):
    world.tuner = tuner
    tuner.asks = 0
    engine = await world.begin()
    for _ in range(trials):
        await world.done(engine, await world.take(engine))
    return engine, [trial.proposal.architecture for trial in engine.trials()[:trials]]


async def test_asking_ahead_changes_no_proposal(world, world_type, tmp_path):
    careful = world_type(tmp_path / "careful.db")
    _, ahead = await sequence(world, Dice, 30)
    _, one_by_one = await sequence(careful, CarefulDice, 30)
    assert ahead == one_by_one
    assert CarefulDice.asks == 30
    await careful.opened[-1].close()


async def test_worker_finds_its_next_trial_ready(world):
    engine, _ = await sequence(world, Dice, 3)
    ready = Dice.asks - 3
    assert 12 <= ready <= 26
    assert len(engine.trials()) == Dice.asks


async def test_no_more_is_asked_than_the_limit_allows(world):
    world.tuner = Dice
    Dice.asks = 0
    engine = await world.begin(limits=Limits(max_trials=5))
    held = [await world.take(engine, f"w{place}") for place in range(2)]
    assert Dice.asks == 5
    for place, lease in enumerate(held):
        await world.done(engine, lease, worker=f"w{place}")
    for _ in range(3):
        await world.done(engine, await world.take(engine))
    assert (Dice.asks, len(engine.trials())) == (5, 5)


async def test_nothing_is_asked_before_a_worker_comes(world):
    world.tuner = Dice
    Dice.asks = 0
    await world.begin()
    assert Dice.asks == 0


async def test_a_restart_uses_what_was_asked_ahead(world):
    engine, _ = await sequence(world, Dice, 4)
    stored = [trial.proposal for trial in engine.trials()]
    engine = await world.again()
    for number in range(4, len(stored)):
        lease = await world.take(engine)
        assert (lease.trial, lease.proposal) == (number, stored[number])
        await world.done(engine, lease)
