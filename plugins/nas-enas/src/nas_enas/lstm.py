"""One step of the controller's LSTM, its attention and the bound of its scores, for one architecture or for many.

Shapes begin with whatever number of rows there is; for one architecture there is no such axis. Not here: the order of
steps (``controller``, ``unrolled``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas_enas.laws import Scores, sigmoid
from nas_enas.policy import Parameters


@dataclass(frozen=True, slots=True)
class Shape:
    """What a controller is made with.

    Attributes:
        hidden: Size of the LSTM's state.
        tanh_constant: Scores are this times a tanh; 0 leaves them as they are.
        tanh_reduction: By this the constant is divided for questions that are not about earlier parts.
        temperature: Scores are divided by it, before the tanh.
        span: Parameters begin uniform within plus and minus this.
    """

    hidden: int = 64
    tanh_constant: float = 1.5
    tanh_reduction: float = 1.0
    temperature: float = 1.0
    span: float = 0.1


def advanced(parameters: Parameters, joined: Scores, cell_before: Scores) -> tuple[Scores, Scores, Scores]:
    """Return the gates, the cell and the state after a step.

    Args:
        parameters: Those of the controller.
        joined: Input and last state, shape (..., 2 * hidden).
        cell_before: The cell before, shape (..., hidden).

    Returns:
        Input, forget, output and candidate gate, activated, shape (..., 4 * hidden); cell and state, (..., hidden).
    """
    gates = joined @ parameters["lstm"]
    hidden = cell_before.shape[-1]
    gates[..., : 3 * hidden] = sigmoid(gates[..., : 3 * hidden])
    np.tanh(gates[..., 3 * hidden :], out=gates[..., 3 * hidden :])
    enter, forget, leave, candidate = parts(gates)
    cell = forget * cell_before + enter * candidate
    return gates, cell, leave * np.tanh(cell)


def parts(gates: Scores) -> tuple[Scores, Scores, Scores, Scores]:
    """Return the four gates, each of shape (..., hidden), of what `advanced` returned."""
    hidden = gates.shape[-1] // 4
    return (
        gates[..., :hidden],
        gates[..., hidden : 2 * hidden],
        gates[..., 2 * hidden : 3 * hidden],
        gates[..., 3 * hidden :],
    )


def attended(parameters: Parameters, past: Scores, state: Scores) -> tuple[Scores, Scores]:
    """Return what attention makes of earlier parts, and the raw score of each.

    Args:
        parameters: Those of the controller.
        past: What the LSTM was when it decided each part, shape (..., parts, hidden).
        state: What it is now, shape (..., hidden).

    Returns:
        Shapes (..., parts, hidden) and (..., parts).
    """
    mixed = np.tanh(past @ parameters["past"] + (state @ parameters["present"])[..., None, :])
    return mixed, mixed @ parameters["attention"]


def bounded(raw: Scores, shape: Shape, *, is_attention: bool) -> tuple[Scores, Scores]:
    """Return the scores, and their slope with respect to the raw ones; all of the same shape."""
    scaled = raw / shape.temperature
    if not shape.tanh_constant:
        return scaled, np.full_like(scaled, 1 / shape.temperature)
    constant = shape.tanh_constant / (1.0 if is_attention else shape.tanh_reduction)
    squashed = np.tanh(scaled)
    return constant * squashed, constant * (1 - squashed**2) / shape.temperature
