"""Nested autoencoders reach the known optimum of every width when all are trained, and not when only the widest is."""

from __future__ import annotations

import numpy as np
import pytest
from nascore.record import Task
from nascore.testing.judging import NestedPca

TASK = NestedPca(1)


def trained(rows: np.ndarray) -> list[float]:
    worker = TASK.worker(0)
    for row in rows:
        worker.perform(Task.TRAIN, {"width": row}, 0)
    return [worker.loss(width) / TASK.best_loss(width) for width in range(1, 9)]


def test_every_width_reaches_its_optimum_when_all_are_trained_in_turn() -> None:
    assert max(trained(np.eye(8)[np.arange(4000) % 8])) < 1.005


def test_widest_alone_leaves_the_others_behind() -> None:
    *narrow, widest = trained(np.eye(8)[np.full(4000, 7)])
    assert widest == pytest.approx(1.0, abs=1e-6)
    assert min(narrow) > 1.1


def test_gradient_of_a_mixture_is_the_derivative() -> None:
    worker = TASK.worker(3)
    row = np.random.default_rng(0).random(8)

    def loss(weights: np.ndarray) -> float:
        return worker.perform(Task.SCORE, {"width": weights}, 0).metrics["loss"]

    exact = worker.perform(Task.GRADIENT, {"width": row}, 0).gradient["width"]
    steps = 1e-6 * np.eye(8)
    np.testing.assert_allclose(exact, [(loss(row + step) - loss(row - step)) / 2e-6 for step in steps], atol=1e-8)
    assert loss(row) == loss(row)


@pytest.mark.parametrize("width", range(1, 9))
def test_answer_has_the_best_score(width: int) -> None:
    task = NestedPca(0, width=width)
    worker = task.worker(0)
    scores = {each: worker.evaluate(each)["score"] for each in task.space.enumerate()}
    assert max(scores, key=scores.__getitem__) == task.answer
