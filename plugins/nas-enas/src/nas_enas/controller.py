"""The controller: an LSTM that answers one question after the other, each answer being its next input.

Source: Pham et al.: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018, sections 2.2 to 2.4, and
the reference code (one layer, no biases, weights uniform in [-0.1, 0.1]). Questions about earlier parts of the network
are answered by attention to what the LSTM was when it decided those, with the same weights in every cell; others by a
linear head, which questions with the same candidates share. The gradient is written out, for a tuner needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nas_enas.anchors import Family, families
from nas_enas.laws import Choice, Scores, sigmoid
from nas_enas.policy import Parameters, Pass, Policy
from nas_enas.questions import Inquiry, Question

Vector = npt.NDArray[np.float64]


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


class Controller(Policy):
    """An LSTM over the questions of a space."""

    def __init__(self, inquiry: Inquiry, shape: Shape, generator: np.random.Generator) -> None:
        self.shape = shape
        self.families = families(inquiry.questions)
        self.parameters = {
            name: generator.uniform(-shape.span, shape.span, size)
            for name, size in _sizes(inquiry, self.families, shape.hidden).items()
        }

    def begin(self) -> Pass:
        """See `Policy.begin`."""
        return _Unrolled(self)


def _sizes(inquiry: Inquiry, known: Mapping[str, Family], hidden: int) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, tuple[int, ...]] = {"lstm": (2 * hidden, 4 * hidden), "start": (hidden,)}
    for question in inquiry.questions:
        if question.slot in known:
            sizes |= {"past": (hidden, hidden), "present": (hidden, hidden), "attention": (hidden,)}
            sizes["root"] = (max(family.roots for family in known.values()), hidden)
        else:
            sizes[f"head:{question.vocabulary}"] = (question.law.size, hidden)
            sizes[f"embedding:{question.vocabulary}"] = (question.law.size, hidden)
    return sizes


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a vector comes from: the LSTM's state after a step, or a row of a parameter."""

    step: int = -1
    name: str = ""
    row: int = 0


@dataclass(slots=True)
class _Step:
    """What one question left behind for the gradient."""

    question: Question
    inputs: tuple[_Source, ...]  # The input is their mean; nothing is zeros.
    joined: Vector  # Input and last state.
    gates: Vector  # Input, forget, output and candidate, activated.
    cell_before: Vector
    cell: Vector
    state: Vector
    raw: Scores = field(default_factory=lambda: np.zeros(0))
    sources: tuple[_Source, ...] = ()  # Of attention: where the past comes from.
    mixed: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


class _Unrolled(Pass):
    def __init__(self, controller: Controller) -> None:
        self._shape = controller.shape
        self._families = controller.families
        self._parameters = controller.parameters
        self._steps: list[_Step] = []
        self._next: tuple[_Source, ...] = (_Source(name="start", row=-1),)
        self._anchors: dict[tuple[str, int], int] = {}  # Family and number of a part: the step that decided it last.

    def scores(self, question: Question) -> Scores:
        step = self._advanced(question)
        family = self._families.get(question.slot)
        if family is None:
            step.raw = self._parameters[f"head:{question.vocabulary}"] @ step.state
        else:
            self._attend(step, family)
        self._steps.append(step)
        scores, _ = self._bounded(step)
        return scores

    def take(self, question: Question, choice: Choice) -> None:
        family = self._families.get(question.slot)
        if family is None:
            name = f"embedding:{question.vocabulary}"
            self._next = tuple(_Source(name=name, row=index) for index in choice)
        else:
            sources = self._steps[-1].sources
            self._next = tuple(sources[index] for index in choice)
        for name, part in self._ends(question):
            self._anchors[name, part] = len(self._steps) - 1

    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        gradient = {name: np.zeros_like(value) for name, value in self._parameters.items()}
        hidden = self._shape.hidden
        to_states = np.zeros((len(self._steps) + 1, hidden))  # The last row is never used: no state before the first.
        to_cell = np.zeros(hidden)
        for index in range(len(self._steps) - 1, -1, -1):
            step = self._steps[index]
            _, slope = self._bounded(step)
            self._backward_scores(step, np.asarray(slopes[index]) * slope, index, gradient, to_states)
            to_cell = self._backward_cell(step, index, to_cell, gradient, to_states)
        return gradient

    def _ends(self, question: Question) -> tuple[tuple[str, int], ...]:
        """The parts of the network which this question is the last so far to decide."""
        return tuple(
            (family.name, part)
            for family in {each.name: each for each in self._families.values()}.values()
            if (part := family.part_of(question.slot)) is not None
        )

    def _advanced(self, question: Question) -> _Step:
        hidden = self._shape.hidden
        last = self._steps[-1] if self._steps else None
        cell_before = np.zeros(hidden) if last is None else last.cell
        joined = np.zeros(2 * hidden)
        joined[:hidden] = self._mean(self._next)
        if last is not None:
            joined[hidden:] = last.state
        gates = joined @ self._parameters["lstm"]
        gates[: 3 * hidden] = sigmoid(gates[: 3 * hidden])
        gates[3 * hidden :] = np.tanh(gates[3 * hidden :])
        enter, forget, leave, candidate = gates.reshape(4, hidden)
        cell = forget * cell_before + enter * candidate
        return _Step(question, self._next, joined, gates, cell_before, cell, leave * np.tanh(cell))

    def _mean(self, sources: Sequence[_Source]) -> Vector | float:
        # One source is the rule, and a mean of one costs more than all the rest of a small step.
        if len(sources) == 1:
            return self._vector(sources[0])
        return np.mean([self._vector(source) for source in sources], axis=0) if sources else 0.0

    def _attend(self, step: _Step, family: Family) -> None:
        step.sources = tuple(self._source(family, part) for part in range(step.question.law.size))
        past = np.stack([self._vector(source) for source in step.sources])
        step.mixed = np.tanh(past @ self._parameters["past"] + step.state @ self._parameters["present"])
        step.raw = step.mixed @ self._parameters["attention"]

    def _source(self, family: Family, part: int) -> _Source:
        known = self._anchors.get((family.name, part))
        if known is not None:
            return _Source(step=known)
        return _Source(name="root", row=min(part, family.roots - 1))

    def _vector(self, source: _Source) -> Vector:
        if not source.name:
            return self._steps[source.step].state
        value = self._parameters[source.name]
        return value if source.row < 0 else np.asarray(value[source.row])

    def _bounded(self, step: _Step) -> tuple[Scores, Scores]:
        """Return the scores, and their slope with respect to the raw ones."""
        shape = self._shape
        raw = step.raw / shape.temperature
        if not shape.tanh_constant:
            return raw, np.full_like(raw, 1 / shape.temperature)
        constant = shape.tanh_constant / (1.0 if step.sources else shape.tanh_reduction)
        squashed = np.tanh(raw)
        return constant * squashed, constant * (1 - squashed**2) / shape.temperature

    def _backward_scores(
        self, step: _Step, slope: Scores, index: int, gradient: Parameters, to_states: npt.NDArray[np.float64]
    ) -> None:
        if step.question.slot not in self._families:
            name = f"head:{step.question.vocabulary}"
            gradient[name] += np.outer(slope, step.state)
            to_states[index] += slope @ self._parameters[name]
            return
        gradient["attention"] += slope @ step.mixed
        to_sum = np.outer(slope, self._parameters["attention"]) * (1 - step.mixed**2)
        vectors = np.stack([self._vector(source) for source in step.sources])
        gradient["past"] += vectors.T @ to_sum
        gradient["present"] += np.outer(step.state, to_sum.sum(axis=0))
        to_states[index] += to_sum.sum(axis=0) @ self._parameters["present"].T
        for source, to_vector in zip(step.sources, to_sum @ self._parameters["past"].T, strict=True):
            _add(source, to_vector, gradient, to_states)

    def _backward_cell(
        self, step: _Step, index: int, to_cell: Vector, gradient: Parameters, to_states: npt.NDArray[np.float64]
    ) -> Vector:
        hidden = self._shape.hidden
        enter, forget, leave, candidate = step.gates.reshape(4, hidden)
        bent = np.tanh(step.cell)
        to_state = to_states[index]
        to_cell = to_cell + to_state * leave * (1 - bent**2)
        to_summed = np.concatenate(
            [
                to_cell * candidate * enter * (1 - enter),
                to_cell * step.cell_before * forget * (1 - forget),
                to_state * bent * leave * (1 - leave),
                to_cell * enter * (1 - candidate**2),
            ]
        )
        gradient["lstm"] += np.outer(step.joined, to_summed)
        to_joined = self._parameters["lstm"] @ to_summed
        to_states[index - 1] += to_joined[hidden:]  # Row -1 takes what belongs to no state.
        for source in step.inputs:
            _add(source, to_joined[:hidden] / len(step.inputs), gradient, to_states)
        return np.asarray(to_cell * forget)


def _add(source: _Source, slope: Vector, gradient: Parameters, to_states: npt.NDArray[np.float64]) -> None:
    if not source.name:
        to_states[source.step] += slope
    elif source.row < 0:
        gradient[source.name] += slope
    else:
        gradient[source.name][source.row] += slope
