"""Learning rates nobody gave are the published ones, and on short schedules as much more as reaches as far."""

from __future__ import annotations

import pytest
from nas_darts import Darts, DrNas, Gdas, PcDarts, Proxyless
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.pace import FASTEST, REACH, paced
from nascore.record import JsonValue, Objective
from nascore.space import SearchSpace
from nascore.testing.spaces import choice
from nascore.tuner import Mode, Schedule, Setup, validate

SPACE = SearchSpace((choice("a", "x", "y"), choice("b", "x", "y", "z")))


def rates(
    tuner_type: type[MixtureTuner], epochs: int, *, warmup: int = 0, workers: int = 1, **settings: JsonValue
) -> tuple[float, float]:
    setup = Setup(
        SPACE,
        (Objective("accuracy"),),
        7,
        batches_per_epoch=100,
        mode=Mode.ONE_SHOT,
        schedule=Schedule(epochs, warmup_epochs=warmup),
        workers=workers,
        unmixable={"b": "Their shapes differ."},
    )
    made = tuner_type(setup, validate(tuner_type.settings_type, settings))
    return made._adam._rate, made._policy_adam._rate


PUBLISHED = [(Darts, 3e-4), (Gdas, 3e-4), (Proxyless, 1e-3), (PcDarts, 6e-4), (DrNas, 6e-4)]


@pytest.mark.parametrize(("tuner_type", "rate"), PUBLISHED, ids=lambda each: str(getattr(each, "name", "")))
def test_long_schedules_take_the_published_rate(tuner_type: type[MixtureTuner], rate: float) -> None:
    assert rates(tuner_type, 2000) == (rate, rate)


def test_shorter_schedules_reach_as_far_as_the_published_one() -> None:
    for epochs in (3, 10, 100):
        assert rates(Darts, epochs)[0] * epochs * 100 == pytest.approx(REACH)
    assert paced(3e-4, steps=50 * 391) * 50 * 391 == pytest.approx(REACH, rel=0.03)


def test_only_steps_that_are_made_count() -> None:
    assert rates(Darts, 10, warmup=90) == rates(Darts, 10)
    assert rates(Darts, 10, workers=4) == rates(Darts, 40, workers=16)
    assert rates(Proxyless, 50, warmup=1)[0] == pytest.approx(rates(Darts, 10)[0])
    assert rates(PcDarts, 100)[0] == pytest.approx(rates(Darts, 70)[0])


def test_no_schedule_is_so_short_that_a_step_jumps() -> None:
    assert paced(3e-4, steps=1) == paced(3e-4, steps=0) == FASTEST
    assert paced(0.5, steps=1) == 0.5


def test_a_rate_that_was_given_is_taken() -> None:
    assert rates(Darts, 1, learning_rate=3e-4) == (3e-4, 3e-4)
    assert rates(Darts, 1, learning_rate=3e-4, sampled_learning_rate=0.02) == (3e-4, 0.02)
