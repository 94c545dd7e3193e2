"""The planted path is the only one without loss, and its gradient is exact."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from nascore.space import Architecture
from nascore.testing.judging import PlantedPath

TASK = PlantedPath(2)


def loss(path: tuple[int, ...]) -> float:
    return TASK.loss_and_gradient(np.eye(5)[list(path)], TASK.inputs)[0]


def test_planted_path_has_no_loss_and_its_neighbours_have() -> None:
    assert loss(TASK.planted) == 0.0
    for layer, other in product(range(6), range(5)):
        path = (*TASK.planted[:layer], other, *TASK.planted[layer + 1 :])
        assert path == TASK.planted or loss(path) > 0.05


def test_loss_rises_with_the_distance_on_average() -> None:
    generator = np.random.default_rng(0)
    paths = generator.integers(5, size=(400, 6))
    paths[:200, :3] = TASK.planted[:3]
    distances = np.sum(paths != TASK.planted, axis=1)
    losses = np.array([loss(tuple(path)) for path in paths])
    means = [float(np.mean(losses[distances == distance])) for distance in range(2, 7)]
    assert means == sorted(means)


def test_gradient_is_the_derivative() -> None:
    generator = np.random.default_rng(1)
    rows, inputs = generator.random((6, 5)), generator.standard_normal((16, 8))
    exact = TASK.loss_and_gradient(rows, inputs)[1]
    for place in np.ndindex(rows.shape):
        step = np.zeros_like(rows)
        step[place] = 1e-6
        slope = TASK.loss_and_gradient(rows + step, inputs)[0] - TASK.loss_and_gradient(rows - step, inputs)[0]
        assert exact[place] == pytest.approx(slope / 2e-6, abs=1e-7)


def test_loss_by_itself_is_the_loss_beside_the_gradient() -> None:
    generator = np.random.default_rng(3)
    architectures = [np.eye(5)[generator.integers(5, size=6)] for _ in range(10)]
    mixtures = [generator.random((6, 5)) * generator.integers(2, size=(6, 5)) for _ in range(10)]
    for rows in (*architectures, 0.5 * architectures[0], np.zeros((6, 5)), *mixtures):
        assert TASK.loss(rows, TASK.inputs) == pytest.approx(TASK.loss_and_gradient(rows, TASK.inputs)[0], abs=1e-14)


def test_another_seed_is_another_task() -> None:
    assert PlantedPath(2).planted == TASK.planted
    assert len({PlantedPath(seed).planted for seed in range(10)}) == 10


def test_answer_is_the_planted_path() -> None:
    metrics = TASK.worker(0).evaluate(TASK.answer)
    assert metrics == {"loss": 0.0, "accuracy": 1.0}
    assert TASK.distance(TASK.answer) == 0


def test_what_an_architecture_is_worth_is_its_loss_every_time() -> None:
    paths = np.random.default_rng(4).integers(5, size=(10, 6))
    paths[1, :5], paths[1, 5] = paths[0, :5], (paths[0, 5] + 1) % 5
    worker = TASK.worker(0)
    for path in (*paths, *paths, TASK.planted):
        architecture = Architecture({f"layer{layer}": f"map{index}" for layer, index in enumerate(path)})
        assert worker.evaluate(architecture)["loss"] == pytest.approx(loss(tuple(path)), abs=1e-14)
