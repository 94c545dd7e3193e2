"""The controller: an LSTM that answers one question after the other, each answer being its next input.

Source: Pham et al.: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018, sections 2.2 to 2.4, and
the reference code (one layer, no biases, weights uniform in [-0.1, 0.1]). Questions about earlier parts of the network
are answered by attention to what the LSTM was when it decided those, with the same weights in every cell; others by a
linear head, which questions with the same candidates share. Not here: many architectures at once, and the gradient
(``unrolled``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas_enas.anchors import Family, decided_by, families
from nas_enas.laws import Choice, Scores
from nas_enas.lstm import Shape, advanced, attended, bounded
from nas_enas.policy import Asked, Passed, Place, Policy, Stop
from nas_enas.questions import Inquiry, Question
from nas_enas.unrolled import Unrolled

Anchors = Mapping[tuple[str, int], Scores]
"""By family and number of a part, what the LSTM was when it decided that part last."""


class Controller(Policy):
    """An LSTM over the questions of a space.

    Attributes:
        shape: What it is made with.
        families: Of each question about earlier parts its family, by slot.
        decided: Family and number of each part that a question decides, by slot.
    """

    def __init__(self, inquiry: Inquiry, shape: Shape, generator: np.random.Generator) -> None:
        self.shape = shape
        self.families = families(inquiry.questions)
        self.decided = {each.slot: decided_by(self.families, each.slot) for each in inquiry.questions}
        self.parameters = {
            name: generator.uniform(-shape.span, shape.span, size)
            for name, size in _sizes(inquiry, self.families, shape.hidden).items()
        }

    def begin(self) -> Place:
        """See `Policy.begin`."""
        nothing = np.zeros(self.shape.hidden)
        return _Place(self, self.parameters["start"], nothing, nothing, {})

    def follow(self, stops: Sequence[Stop], count: int) -> Passed:
        """See `Policy.follow`."""
        return Unrolled(
            self.parameters,
            self.shape,
            families=self.families,
            decided=self.decided,
            stops=stops,
            count=count,
        )


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
class _Place(Place):
    """Where one architecture stands.

    Attributes:
        controller: Whose questions are answered.
        entered: The next input, made of the last answer, shape (hidden,).
        cell: The LSTM's cell after the last question, shape (hidden,).
        state: The LSTM's state after it, shape (hidden,).
        anchors: What earlier parts were decided in.
    """

    controller: Controller
    entered: Scores
    cell: Scores
    state: Scores
    anchors: Anchors

    def ask(self, question: Question) -> Asked:
        controller = self.controller
        parameters, shape = controller.parameters, controller.shape
        joined = np.concatenate([self.entered, self.state])
        _, cell, state = advanced(parameters, joined, self.cell)
        family = controller.families.get(question.slot)
        if family is None:
            raw = parameters[f"head:{question.vocabulary}"] @ state
            candidates = parameters[f"embedding:{question.vocabulary}"]
        else:
            candidates = np.stack([self._part(family, part) for part in range(question.law.size)])
            _, raw = attended(parameters, candidates, state)
        scores, _ = bounded(raw, shape, is_attention=family is not None)
        return _Asked(self, question, scores, candidates, cell, state)

    def _part(self, family: Family, part: int) -> Scores:
        known = self.anchors.get((family.name, part))
        return self.controller.parameters["root"][min(part, family.roots - 1)] if known is None else known


@dataclass(frozen=True, slots=True)
class _Asked(Asked):
    """A question that was scored.

    Attributes:
        place: Where it was asked.
        question: The question.
        scores: Its scores, shape (size,).
        candidates: What the LSTM is given for each answer, shape (size, hidden).
        cell: The LSTM's cell, shape (hidden,).
        state: The LSTM's state, shape (hidden,).
    """

    place: _Place
    question: Question
    scores: Scores
    candidates: Scores
    cell: Scores
    state: Scores

    def answered(self, choice: Choice) -> Place:
        controller = self.place.controller
        anchors = self.place.anchors
        if decided := controller.decided[self.question.slot]:
            anchors = {**anchors, **{(family.name, part): self.state for family, part in decided}}
        return _Place(controller, self._entered(choice), self.cell, self.state, anchors)

    def _entered(self, choice: Choice) -> Scores:
        # One candidate is the rule, and a mean of one costs more than all the rest of an answer.
        if len(choice) == 1:
            return np.asarray(self.candidates[choice[0]])
        return np.asarray(self.candidates[list(choice)].mean(axis=0)) if choice else np.zeros_like(self.state)
