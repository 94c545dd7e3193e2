"""Many architectures together through the controller, and back: one matrix product for all at the same place.

The gradient is written out, for a tuner needs no torch. What the LSTM was at every place of every way stands in one
*bank*, after the roots, which are what it is taken for to have been before the first question: so whatever attention
looks at is a number in the bank. Not here: one step (``lstm``), drawing question by question (``controller``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from nas_enas.anchors import Family
from nas_enas.laws import Scores
from nas_enas.lstm import Shape, advanced, attended, bounded, parts
from nas_enas.policy import Parameters, Passed, Rows, Stop

Cubes = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a stop left behind for the gradient.

    Attributes:
        stop: The stop.
        here: Where its rows are among those of its place.
        mix: Share of each candidate in the next input, shape (answers, size); zeros where nothing was chosen.
        bend: Slope of the scores with respect to the raw ones, shape (answers, size).
        sources: Of attention: numbers in the bank of the candidates, shape (answers, size).
        past: Of attention: what stands there, shape (answers, size, hidden).
        mixed: Of attention: what it made of that, shape (answers, size, hidden).
    """

    stop: Stop
    here: slice
    mix: Scores
    bend: Scores
    sources: Rows | None = None
    past: Cubes | None = None
    mixed: Cubes | None = None


@dataclass(frozen=True, slots=True)
class _Level:
    """What the LSTM left behind at a place; all shapes begin with the rows.

    Attributes:
        rows: The architectures that came this far.
        joined: Input and last state.
        gates: All four.
        cell_before: The cell before.
        cell: The cell.
        state: The state.
        answers: Of each stop.
    """

    rows: Rows
    joined: Scores
    gates: Scores
    cell_before: Scores
    cell: Scores
    state: Scores
    answers: list[_Answers]


class Unrolled(Passed):
    """Architectures that went through a controller.

    Args:
        parameters: Those of the controller.
        shape: What it was made with.
        families: Of each question about earlier parts its family, by slot.
        decided: Family and number of each part that a question decides, by slot.
        stops: The stops of the architectures, in order of their places.
        count: How many architectures there are.
    """

    def __init__(
        self,
        parameters: Parameters,
        shape: Shape,
        *,
        families: Mapping[str, Family],
        decided: Mapping[str, Sequence[tuple[Family, int]]],
        stops: Sequence[Stop],
        count: int,
    ) -> None:
        self._parameters = parameters
        self._shape = shape
        self._families = families
        self._decided = decided
        roots = parameters.get("root", np.zeros((0, shape.hidden)))
        self._roots = len(roots)
        places = stops[-1].place + 1 if stops else 0
        self._bank = np.zeros((self._roots + places, count, shape.hidden))
        self._bank[: self._roots] = roots[:, None]
        self._anchors: dict[tuple[str, int], Rows] = {}  # Number in the bank of each part, by architecture.
        self._inputs = np.tile(parameters["start"], (count, 1))
        self._cells = np.zeros((count, shape.hidden))
        self.scores: list[Scores] = []
        self._levels = [self._entered(list(level)) for _, level in groupby(stops, key=lambda stop: stop.place)]

    def _entered(self, stops: Sequence[Stop]) -> _Level:
        place = self._roots + stops[0].place
        rows = np.concatenate([stop.rows for stop in stops])
        before = self._bank[place - 1, rows] if stops[0].place else np.zeros((len(rows), self._shape.hidden))
        joined = np.concatenate([self._inputs[rows], before], axis=1)
        cell_before = self._cells[rows]
        gates, cell, state = advanced(self._parameters, joined, cell_before)
        self._cells[rows], self._bank[place, rows] = cell, state
        level = _Level(rows, joined, gates, cell_before, cell, state, [])
        begin = 0
        for stop in stops:
            here = slice(begin, begin := begin + len(stop.rows))
            level.answers.append(self._answered(stop, here, state[here]))
            for family, part in self._decided[stop.question.slot]:
                self._anchor(family, part)[stop.rows] = place
        return level

    def _answered(self, stop: Stop, here: slice, state: Scores) -> _Answers:
        family = self._families.get(stop.question.slot)
        mix = _mix(stop)
        sources: Rows | None = None
        past: Cubes | None = None
        mixed: Cubes | None = None
        if family is None:
            vocabulary = stop.question.vocabulary
            raw = state @ self._parameters[f"head:{vocabulary}"].T
            self._inputs[stop.rows] = mix @ self._parameters[f"embedding:{vocabulary}"]
        else:
            anchors = [self._anchor(family, part)[stop.rows] for part in range(stop.question.law.size)]
            sources = np.stack(anchors, axis=1)
            past = self._bank[sources, stop.rows[:, None]]
            mixed, raw = attended(self._parameters, past, state)
            self._inputs[stop.rows] = np.einsum("ap,aph->ah", mix, past)
        scores, bend = bounded(raw, self._shape, is_attention=family is not None)
        self.scores.append(scores)
        return _Answers(stop, here, mix, bend, sources, past, mixed)

    def _anchor(self, family: Family, part: int) -> Rows:
        key = (family.name, part)
        if key not in self._anchors:
            self._anchors[key] = np.full(len(self._inputs), min(part, family.roots - 1), np.intp)
        return self._anchors[key]

    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        """See `Passed.backward`."""
        return _Return(self._parameters, self._bank, self._roots).gradient(self._levels, slopes)


class _Return:
    """The way back: what everything is worth, from the last place to the first."""

    def __init__(self, parameters: Parameters, bank: Cubes, roots: int) -> None:
        self._parameters = parameters
        self._roots = roots
        self._gradient = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._to_bank = np.zeros_like(bank)
        self._to_inputs = np.zeros(bank.shape[1:])  # Of the place after the one at hand.
        self._to_cells = np.zeros(bank.shape[1:])

    def gradient(self, levels: Sequence[_Level], slopes: Sequence[Scores]) -> Parameters:
        left = list(slopes)
        for number in reversed(range(len(levels))):
            level = levels[number]
            for answers in reversed(level.answers):
                self._through_scores(level, answers, left.pop() * answers.bend, self._roots + number)
            self._through_cell(level, self._roots + number)
        self._gradient["start"] += self._to_inputs.sum(axis=0)
        if self._roots:
            self._gradient["root"] += self._to_bank[: self._roots].sum(axis=1)
        return self._gradient

    def _through_scores(self, level: _Level, answers: _Answers, slope: Scores, place: int) -> None:
        parameters, gradient, rows = self._parameters, self._gradient, answers.stop.rows
        state, to_input = level.state[answers.here], self._to_inputs[rows]
        if answers.sources is None or answers.past is None or answers.mixed is None:
            vocabulary = answers.stop.question.vocabulary
            gradient[f"head:{vocabulary}"] += slope.T @ state
            gradient[f"embedding:{vocabulary}"] += answers.mix.T @ to_input
            self._to_bank[place, rows] += slope @ parameters[f"head:{vocabulary}"]
            return
        gradient["attention"] += np.einsum("ap,aph->h", slope, answers.mixed)
        to_sum = slope[:, :, None] * parameters["attention"] * (1 - answers.mixed**2)
        to_present = to_sum.sum(axis=1)
        gradient["past"] += np.tensordot(answers.past, to_sum, axes=((0, 1), (0, 1)))
        gradient["present"] += state.T @ to_present
        self._to_bank[place, rows] += to_present @ parameters["present"].T
        to_past = to_sum @ parameters["past"].T + answers.mix[:, :, None] * to_input[:, None]
        np.add.at(self._to_bank, (answers.sources, rows[:, None]), to_past)

    def _through_cell(self, level: _Level, place: int) -> None:
        rows, hidden = level.rows, level.cell.shape[1]
        enter, forget, leave, candidate = parts(level.gates)
        bent = np.tanh(level.cell)
        to_state = self._to_bank[place, rows]
        to_cell = self._to_cells[rows] + to_state * leave * (1 - bent**2)
        to_summed = np.concatenate(
            [
                to_cell * candidate * enter * (1 - enter),
                to_cell * level.cell_before * forget * (1 - forget),
                to_state * bent * leave * (1 - leave),
                to_cell * enter * (1 - candidate**2),
            ],
            axis=1,
        )
        self._gradient["lstm"] += level.joined.T @ to_summed
        to_joined = to_summed @ self._parameters["lstm"].T
        # What has ended before this place has no input here.
        self._to_inputs = np.zeros_like(self._to_inputs)
        self._to_inputs[rows] = to_joined[:, :hidden]
        self._to_cells[rows] = to_cell * forget
        if place > self._roots:
            self._to_bank[place - 1, rows] += to_joined[:, hidden:]


def _mix(stop: Stop) -> Scores:
    lengths = np.array([len(choice) for choice in stop.choices])
    chosen = np.array([index for choice in stop.choices for index in choice], np.intp)
    mix = np.zeros((len(lengths), stop.question.law.size))
    np.add.at(
        mix, (np.repeat(np.arange(len(lengths)), lengths), chosen), np.repeat(1 / np.maximum(lengths, 1), lengths)
    )
    return mix
