"""What all candidates of a decision have in common says nothing about any, so it moves no parameter."""

from __future__ import annotations

from collections.abc import Callable

import nas_darts.gdas
import numpy as np
import pytest
from nas_darts import Gdas
from nas_darts.chance import Chance
from nas_darts.usual import Usual
from nascore.record import Objective
from nascore.space import Candidate, OneOf, SearchSpace, SomeOf
from nascore.tuner import Mode, Schedule, Setup, validate

FIVE = tuple(Candidate(f"c{k}") for k in range(5))
SPACE = SearchSpace((OneOf("op", FIVE), SomeOf("inputs", FIVE[:2], min_chosen=1, max_chosen=2)))


def searched(gate: Callable[[int], float], *, seed: int, turns: int = 400) -> np.ndarray:
    """Return the probabilities of ``op`` after turns in which candidate k has the gate gradient ``gate(k)``."""
    setup = Setup(SPACE, (Objective("loss"),), seed, batches_per_epoch=turns, mode=Mode.ONE_SHOT, schedule=Schedule(1))
    made = Gdas(setup, validate(Gdas.settings_type, {}))
    (row,) = (each for each in made._layout.mixed_rows if each.path == "op")
    chance = Chance(seed)
    for _ in range(turns):
        draw = made._drawn(chance, 0)
        gradient = np.zeros(made._layout.mixed.total)
        for place, entry in enumerate(row.entries):
            gradient[entry] = gate(place) * draw.weights[entry]
        made._alpha = made._stepped(made._backward(draw, gradient))
    return made._probabilities()[row.entries]


def test_a_gradient_that_all_candidates_share_favours_none() -> None:
    for seed in range(3):
        np.testing.assert_allclose(searched(lambda _: -1.0, seed=seed), np.full(5, 0.2), atol=0.02)


def test_a_small_difference_beside_a_large_common_gradient_decides() -> None:
    assert [int(np.argmax(searched(lambda k: -1.0 - 0.1 * (k == 3), seed=seed))) for seed in range(5)] == [3] * 5


def test_without_the_usual_gradient_chance_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing(Usual):
        def completed(self, gradient: np.ndarray, *, hard: np.ndarray) -> np.ndarray:
            return gradient

    monkeypatch.setattr(nas_darts.gdas, "Usual", Nothing)
    assert max(searched(lambda _: -1.0, seed=seed).max() for seed in range(3)) > 0.3


def layout_of(space: SearchSpace) -> Usual:
    setup = Setup(space, (Objective("loss"),), 1, batches_per_epoch=1, mode=Mode.ONE_SHOT, schedule=Schedule(1))
    return Usual(Gdas(setup, validate(Gdas.settings_type, {}))._layout)


def test_a_closed_gate_has_none_and_what_was_not_reached_teaches_nothing() -> None:
    usual = layout_of(SearchSpace((SomeOf("inputs", FIVE[:2], min_chosen=1, max_chosen=2),)))
    both, first = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])  # off, on, off, on
    found = usual.completed(np.array([0.0, 2.0, 0.0, 3.0]), hard=both)
    np.testing.assert_array_equal(found, [0.0, 2.0, 0.0, 3.0])
    found = usual.completed(np.array([0.0, 4.0, 0.0, 0.0]), hard=first)
    np.testing.assert_array_equal(found, [0.0, 4.0, 0.0, 3.0])
    np.testing.assert_array_equal(usual.completed(np.zeros(4), hard=first), np.zeros(4))


def test_state_continues_bit_for_bit() -> None:
    first, second = layout_of(SPACE), layout_of(SPACE)
    generator = np.random.default_rng(0)
    size = 5 + 2 * 2
    for _ in range(5):
        first.completed(generator.normal(size=size), hard=np.ones(size))
    second.from_state(first.to_state())
    gradient, hard = generator.normal(size=size), np.eye(size)[1]
    np.testing.assert_array_equal(
        first.completed(gradient * hard, hard=hard), second.completed(gradient * hard, hard=hard)
    )
