"""A policy: parameters that give the scores of each question, and the gradient of anything with respect to them.

Not here: the two policies (``logits``, ``controller``), what is learnt (``learning``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
from nascore.space import Architecture

from nas_enas.laws import Choice, Judged, Scores
from nas_enas.questions import Inquiry, Question, Value

Parameters = dict[str, npt.NDArray[np.float64]]


class Pass(ABC):
    """One architecture on its way through a policy, question by question."""

    @abstractmethod
    def scores(self, question: Question) -> Scores:
        """Return the scores of the next question."""

    @abstractmethod
    def take(self, question: Question, choice: Choice) -> None:
        """Go on with the answer to the question just scored."""

    @abstractmethod
    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        """Return the gradient with respect to the parameters.

        Args:
            slopes: Gradient with respect to the scores of each question that was asked, in order.
        """


class Policy(ABC):
    """Scores for questions.

    Attributes:
        parameters: What is learnt, by name.
    """

    parameters: Parameters

    @abstractmethod
    def begin(self) -> Pass:
        """Begin with an architecture."""


@dataclass(frozen=True, slots=True)
class Walk:
    """An architecture that went through a policy.

    Attributes:
        questions: What was asked, in order.
        scores: The scores of each.
        choices: The answer to each.
        judged: How probable each answer was.
        passed: For the gradient.
    """

    questions: tuple[Question, ...]
    scores: tuple[Scores, ...]
    choices: tuple[Choice, ...]
    judged: tuple[Judged, ...]
    passed: Pass

    @property
    def log_prob(self) -> float:
        """Natural logarithm of the architecture's probability."""
        return sum(each.log_prob for each in self.judged)

    @property
    def entropy(self) -> float:
        """Sum of the entropies along the way."""
        return sum(each.entropy for each in self.judged)


def draw(policy: Policy, inquiry: Inquiry, random: Random) -> tuple[Architecture, float] | None:
    """Draw an architecture with its log-probability; ``None`` if constraints are never kept."""
    current = policy.begin()
    log_prob = 0.0

    def begin() -> None:
        nonlocal current, log_prob
        current, log_prob = policy.begin(), 0.0

    def choose(question: Question) -> Choice:
        nonlocal log_prob
        scores = current.scores(question)
        choice = question.law.draw(scores, random)
        log_prob += question.law.judge(scores, choice).log_prob
        current.take(question, choice)
        return choice

    architecture = inquiry.draw(choose, begin, random)
    return None if architecture is None else (architecture, log_prob)


def most_probable(policy: Policy, inquiry: Inquiry) -> dict[str, Value]:
    """Return the decisions of which each is the most probable after those before; constraints not regarded."""
    current = policy.begin()

    def choose(question: Question) -> Choice:
        choice = question.law.best(current.scores(question))
        current.take(question, choice)
        return choice

    return inquiry.ask(choose, Random(0))


def walk(policy: Policy, inquiry: Inquiry, architecture: Mapping[str, Value]) -> Walk:
    """Send a known architecture through a policy."""
    current = policy.begin()
    rows: list[tuple[Question, Scores, Choice, Judged]] = []
    for question, choice in inquiry.answers(architecture):
        scores = current.scores(question)
        rows.append((question, scores, choice, question.law.judge(scores, choice)))
        current.take(question, choice)
    questions, scored, choices, judged = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Walk(tuple(questions), tuple(scored), tuple(choices), tuple(judged), current)
