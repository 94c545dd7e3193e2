"""The simplest policy: every question has scores of its own, whatever was answered before (ProxylessNAS-R).

Source: Cai, Zhu and Han: ProxylessNAS, ICLR 2019, section 3.3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas_enas.laws import Choice, Scores
from nas_enas.policy import Asked, Parameters, Passed, Place, Policy, Stop
from nas_enas.questions import Inquiry, Question


class Logits(Policy):
    """A vector of scores for each question, 0 at the start."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.parameters = {question.slot: np.zeros(question.law.size) for question in inquiry.questions}

    def begin(self) -> Place:
        """See `Policy.begin`."""
        return _Anywhere(self.parameters)

    def follow(self, stops: Sequence[Stop], count: int) -> Passed:
        """See `Policy.follow`."""
        return _Looked(self.parameters, stops)


class _Anywhere(Place):
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def ask(self, question: Question) -> Asked:
        return _Found(self, self._parameters[question.slot])


class _Found(Asked):
    def __init__(self, place: Place, scores: Scores) -> None:
        self._place = place
        self.scores = scores

    def answered(self, choice: Choice) -> Place:
        return self._place


class _Looked(Passed):
    def __init__(self, parameters: Parameters, stops: Sequence[Stop]) -> None:
        self._stops = stops
        self.scores = [np.tile(parameters[stop.question.slot], (len(stop.rows), 1)) for stop in stops]

    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        gradient: Parameters = {}
        for stop, slope in zip(self._stops, slopes, strict=True):
            slot = stop.question.slot
            gradient[slot] = gradient.get(slot, 0.0) + slope.sum(axis=0)
        return gradient
