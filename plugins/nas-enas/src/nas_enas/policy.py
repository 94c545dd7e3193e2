"""A policy: parameters that give the scores of each question, and the gradient of anything with respect to them.

Architectures are drawn question by question (`Place`). Known ones go through together (`walk`): those that meet the
same question at the same place of their ways share a `Stop`. Not here: the two policies (``logits``, ``controller``),
drawing (``drawing``), what is learnt (``learning``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas_enas.laws import Choice, Judged, Scores
from nas_enas.questions import Inquiry, Question, Value

Parameters = dict[str, npt.NDArray[np.float64]]
Rows = npt.NDArray[np.intp]


class Asked(ABC):
    """A question that was put to a policy.

    Attributes:
        scores: The scores of its candidates, shape (size,).
    """

    scores: Scores

    @abstractmethod
    def answered(self, choice: Choice) -> Place:
        """Return where one stands after an answer."""


class Place(ABC):
    """Where an architecture stands on its way through a policy; it never changes."""

    @abstractmethod
    def ask(self, question: Question) -> Asked:
        """Put the next question to the policy."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A question that some architectures answer at the same place of their ways.

    Attributes:
        place: How many questions come before it.
        question: The question.
        rows: Numbers of the architectures, ascending, shape (answers,).
        choices: The answer of each.
    """

    place: int
    question: Question
    rows: Rows
    choices: tuple[Choice, ...]


class Passed(ABC):
    """Architectures that went through a policy.

    Attributes:
        scores: The scores at each stop, shape (answers, size).
    """

    scores: Sequence[Scores]

    @abstractmethod
    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        """Return the gradient with respect to the parameters, as long as these have not moved.

        Args:
            slopes: Gradient with respect to the scores of each stop.
        """


class Policy(ABC):
    """Scores for questions.

    Attributes:
        parameters: What is learnt, by name.
    """

    parameters: Parameters

    @abstractmethod
    def begin(self) -> Place:
        """Begin with an architecture."""

    @abstractmethod
    def follow(self, stops: Sequence[Stop], count: int) -> Passed:
        """Send known architectures through, by the stops on their ways, in order of their places.

        Args:
            stops: The stops.
            count: How many architectures there are.
        """


@dataclass(frozen=True, slots=True)
class Walk:
    """Architectures that went through a policy.

    Attributes:
        stops: The stops on their ways, in order of their places.
        judged: How probable the answers at each stop were.
        passed: For their scores and the gradient.
        log_prob: Natural logarithm of the probability of each architecture, shape (architectures,).
        entropy: Sum of the entropies along each way, shape (architectures,).
    """

    stops: tuple[Stop, ...]
    judged: tuple[Judged, ...]
    passed: Passed
    log_prob: Scores
    entropy: Scores


def walk(policy: Policy, inquiry: Inquiry, architectures: Sequence[Mapping[str, Value]]) -> Walk:
    """Send known architectures through a policy."""
    stops = _stops([inquiry.answers(each) for each in architectures])
    passed = policy.follow(stops, len(architectures))
    judged = tuple(
        stop.question.law.judge(scores, stop.choices) for stop, scores in zip(stops, passed.scores, strict=True)
    )
    log_prob, entropy = np.zeros(len(architectures)), np.zeros(len(architectures))
    for stop, each in zip(stops, judged, strict=True):
        log_prob[stop.rows] += each.log_prob
        entropy[stop.rows] += each.entropy
    return Walk(stops, judged, passed, log_prob, entropy)


def _stops(ways: Sequence[Iterable[tuple[Question, Choice]]]) -> tuple[Stop, ...]:
    met: dict[tuple[int, str], tuple[Question, list[int], list[Choice]]] = {}
    for row, way in enumerate(ways):
        for place, (question, choice) in enumerate(way):
            _, rows, choices = met.setdefault((place, question.slot), (question, [], []))
            rows.append(row)
            choices.append(choice)
    found = [
        Stop(place, question, np.array(rows, np.intp), tuple(choices))
        for (place, _), (question, rows, choices) in met.items()
    ]
    return tuple(sorted(found, key=lambda stop: stop.place))
