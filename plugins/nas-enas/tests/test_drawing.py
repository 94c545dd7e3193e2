"""Drawing remembers where it was, and draws what it would have drawn without a memory."""

from random import Random

import numpy as np
import pytest
from nas_enas import drawing
from nas_enas.controller import Controller
from nas_enas.drawing import Drawing
from nas_enas.logits import Logits
from nas_enas.lstm import Shape
from nas_enas.policy import Place
from nas_enas.questions import Inquiry
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES

SPACE = SearchSpace(tuple(OneOf(f"layer{layer}", tuple(map(Candidate, "abc"))) for layer in range(4)))


class Counted(Controller):
    """Counts the questions that it was asked."""

    asked = 0

    def begin(self):
        return Watched(super().begin(), self)


class Watched(Place):
    def __init__(self, place, owner):
        self._place = place
        self._owner = owner

    def ask(self, question):
        self._owner.asked += 1
        asked = self._place.ask(question)
        return Onward(asked, self._owner)


class Onward:
    def __init__(self, asked, owner):
        self.scores = asked.scores
        self._asked = asked
        self._owner = owner

    def answered(self, choice):
        return Watched(self._asked.answered(choice), self._owner)


def controller(space=SPACE, kind=Controller):
    return kind(Inquiry(space), Shape(6, span=0.8), np.random.Generator(np.random.PCG64(2)))


@pytest.mark.parametrize("name", KNOWN_SPACES)
def test_memory_changes_nothing(name):
    space = KNOWN_SPACES[name]
    policy, inquiry = controller(space), Inquiry(space)
    remembering = Drawing(policy, inquiry)
    for seed in range(30):
        assert remembering.draw(Random(seed % 10)) == Drawing(policy, inquiry).draw(Random(seed % 10))


def test_the_same_beginning_is_asked_once():
    policy = controller(kind=Counted)
    drawn = Drawing(policy, Inquiry(SPACE))
    drawn.draw(Random(1))
    assert policy.asked == 4
    drawn.draw(Random(1))
    assert policy.asked == 4
    drawn.forget()
    drawn.draw(Random(1))
    assert policy.asked == 8


def test_what_was_learnt_is_drawn_once_the_past_is_forgotten():
    policy = Logits(Inquiry(SPACE))
    drawn = Drawing(policy, Inquiry(SPACE))
    drawn.draw(Random(0))
    for scores in policy.parameters.values():
        scores[2] = 1e3
    drawn.forget()
    found, log_prob = drawn.draw(Random(0))
    assert set(found.values()) == {"c"}
    assert log_prob == pytest.approx(0)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(drawing, "_MOST_REMEMBERED", 10)
    policy = controller(kind=Counted)
    drawn = Drawing(policy, Inquiry(SPACE))
    fresh = [Drawing(policy, Inquiry(SPACE)).draw(Random(seed)) for seed in range(40)]
    assert [drawn.draw(Random(seed)) for seed in range(40)] == fresh
    assert drawn._remembered <= 10 + 4
