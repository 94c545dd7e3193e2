"""The optimiser is Adam, step for step, and goes on from its state bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from nas_darts.adam import Adam


def adam(**changes: float) -> Adam:
    settings = {"learning_rate": 3e-4, "weight_decay": 1e-3, **changes}
    return Adam(5, betas=(0.5, 0.999), **settings)


def test_steps_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="the reference is torch's own optimiser")
    generator = np.random.default_rng(0)
    values, ours = generator.normal(size=5), adam()
    theirs = torch.tensor(values, requires_grad=True)
    reference = torch.optim.Adam([theirs], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for _ in range(50):
        gradient = generator.normal(size=5)
        theirs.grad = torch.tensor(gradient)
        reference.step()
        values = ours.step(values, gradient)
    np.testing.assert_allclose(values, theirs.detach().numpy(), atol=1e-14)


def test_first_step_has_the_length_of_the_learning_rate() -> None:
    moved = adam(weight_decay=0.0).step(np.zeros(5), np.array([1e-3, 1.0, -5.0, 100.0, 0.0]))
    np.testing.assert_allclose(moved, [-3e-4, -3e-4, 3e-4, -3e-4, 0.0], atol=1e-8)


def test_state_continues_bit_for_bit() -> None:
    generator = np.random.default_rng(1)
    first, second = adam(), adam()
    values = generator.normal(size=5)
    for _ in range(7):
        values = first.step(values, generator.normal(size=5))
    second.from_state(first.to_state())
    gradient = generator.normal(size=5)
    np.testing.assert_array_equal(first.step(values, gradient), second.step(values, gradient))
