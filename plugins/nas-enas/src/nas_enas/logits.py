"""The simplest policy: every question has scores of its own, whatever was answered before (ProxylessNAS-R).

Source: Cai, Zhu and Han: ProxylessNAS, ICLR 2019, section 3.3.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas_enas.laws import Choice, Scores
from nas_enas.policy import Parameters, Pass, Policy
from nas_enas.questions import Inquiry, Question


class Logits(Policy):
    """A vector of scores for each question, 0 at the start."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.parameters = {question.slot: np.zeros(question.law.size) for question in inquiry.questions}

    def begin(self) -> Pass:
        """See `Policy.begin`."""
        return _Looked(self.parameters)


class _Looked(Pass):
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._asked: list[str] = []

    def scores(self, question: Question) -> Scores:
        return self._parameters[question.slot]

    def take(self, question: Question, choice: Choice) -> None:
        self._asked.append(question.slot)

    def backward(self, slopes: Sequence[Scores]) -> Parameters:
        return dict(zip(self._asked, slopes, strict=True))
