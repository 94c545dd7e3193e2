"""Of all filters only the planted ones hear everything for the least."""

from __future__ import annotations

import numpy as np
import pytest
from nascore.record import Task
from nascore.space import Architecture
from nascore.testing.judging import Lags
from nascore.testing.judging.lags import TAPS

TASK = Lags()


# For each channel a filter that costs no more, and one that hears as much for more.
CHEAP, DEAR = ("k3d3", "k3", "k3d3", "k5"), ("k5", "k7", "k5", None)


def test_answer_hears_everything_and_what_is_cheaper_does_not() -> None:
    worker = TASK.worker(1)
    best = worker.evaluate(TASK.answer)
    assert best["accuracy"] > 0.99
    for channel, (cheap, dear) in enumerate(zip(CHEAP, DEAR, strict=True)):
        path = f"channel{channel}"
        assert len(TAPS[cheap]) <= len(TAPS[str(TASK.answer[path])])
        deaf = worker.evaluate(Architecture({**TASK.answer, path: cheap}))
        assert deaf["accuracy"] < 0.95
        assert deaf["score"] < best["score"]
        if dear is not None:
            found = worker.evaluate(Architecture({**TASK.answer, path: dear}))
            assert found["accuracy"] > 0.98
            assert found["score"] < best["score"]


def test_gradients_of_weights_are_derivatives() -> None:
    worker = TASK.worker(2)
    generator = np.random.default_rng(0)
    weights = {f"channel{channel}": generator.random(6) for channel in range(4)}
    exact = worker.perform(Task.GRADIENT, weights, 5).gradient
    for path, place in (("channel0", 0), ("channel1", 3), ("channel3", 5)):
        slope = 0.0
        for sign in (1.0, -1.0):
            moved = {**weights, path: weights[path] + sign * 1e-6 * np.eye(6)[place]}
            slope += sign * worker.perform(Task.SCORE, moved, 5).metrics["loss"] / 2e-6
        assert exact[path][place] == pytest.approx(slope, abs=1e-7)


def test_only_train_moves_weights_and_only_those_that_were_used() -> None:
    worker = TASK.worker(3)
    weights = {f"channel{channel}": np.eye(6)[1] for channel in range(4)}
    before = [each.copy() for each in worker._values]
    worker.perform(Task.GRADIENT, weights, 1)
    worker.perform(Task.SCORE, weights, 1)
    assert all(np.array_equal(one, other) for one, other in zip(before, worker._values, strict=True))
    for seed in range(5):
        worker.perform(Task.TRAIN, weights, seed)
    moved = np.any(before[0] != worker._values[0], axis=(0, 2))
    assert moved.tolist() == [False, True, False, False, False, False]


def test_same_seed_same_numbers() -> None:
    assert TASK.worker(4).evaluate(TASK.answer) == TASK.worker(4).evaluate(TASK.answer)
