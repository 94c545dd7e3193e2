"""Every architecture is a row of answers, and the answers lead back to it."""

from random import Random

import pytest
from nas_enas.drawing import Drawing
from nas_enas.logits import Logits
from nas_enas.policy import walk
from nas_enas.questions import Inquiry
from nascore.space import Candidate, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.testing.spaces import KNOWN_SPACES

PAIR = (Candidate("p"), Candidate("q"))


@pytest.mark.parametrize("name", KNOWN_SPACES)
def test_answers_lead_back_to_the_architecture(name):
    space = KNOWN_SPACES[name]
    inquiry, random = Inquiry(space), Random(1)
    for _ in range(20):
        architecture = space.sample(random)
        answers = list(inquiry.answers(architecture))
        rest = iter(answers)

        def follow(question, rest=rest):
            asked, choice = next(rest)
            assert asked.slot == question.slot
            return choice

        again = inquiry.ask(follow, Random(2))
        assert {path: type(value) for path, value in again.items()} == {p: type(v) for p, v in architecture.items()}
        assert list(inquiry.answers(space.architecture(again))) == answers


@pytest.mark.parametrize("name", KNOWN_SPACES)
def test_what_is_drawn_fits_the_space_and_has_its_probability(name):
    space = KNOWN_SPACES[name]
    inquiry = Inquiry(space)
    policy = Logits(inquiry)
    for seed in range(20):
        found = Drawing(policy, inquiry).draw(Random(seed))
        assert found is not None
        architecture, log_prob = found
        space.check(architecture)
        assert walk(policy, inquiry, [architecture]).log_prob == pytest.approx([log_prob], abs=1e-12)


def test_decisions_are_asked_as_they_were_written():
    inner = Repeat("r", (OneOf("z", PAIR), OneOf("y", PAIR)), 1, 2)
    space = SearchSpace((OneOf("b10", (Candidate("k", children=(inner,)), Candidate("l"))), OneOf("b2", PAIR)))
    slots = [question.slot for question in Inquiry(space).questions]
    assert slots == ["b10", "b10/k/r", *(f"b10/k/r[{i}]/{label}" for i in (0, 1) for label in "zy"), "b2"]


RANGES = [Real("r", 1e-5, 1.0, log=True), Real("r", -2.0, 3.0), Integer("r", 0, 3199), Integer("r", 1, 4000, log=True)]


@pytest.mark.parametrize("node", RANGES)
def test_a_number_lies_in_the_part_that_was_chosen(node):
    space = SearchSpace((node,))
    inquiry = Inquiry(space)
    (question,) = inquiry.questions
    for part in range(question.law.size):
        value = inquiry.ask(lambda asked, part=part: (part,), Random(part))["r"]
        space.check({"r": value})
        assert list(inquiry.answers({"r": value})) == [(question, (part,))]


def test_a_set_of_a_fixed_size_begins_uniform():
    space = SearchSpace((SomeOf("s", tuple(map(Candidate, "abcd")), 2, 2),))
    inquiry = Inquiry(space)
    logs = set(walk(Logits(inquiry), inquiry, tuple(space.enumerate())).log_prob)
    assert max(logs) - min(logs) < 1e-12


def test_candidates_for_search_only_are_never_chosen():
    space = SearchSpace((OneOf("o", (Candidate("none", search_only=True), Candidate("conv"))),))
    inquiry, drawn = Inquiry(space), set()
    for seed in range(9):
        found = Drawing(Logits(inquiry), inquiry).draw(Random(seed))
        assert found is not None
        drawn.add(found[0]["o"])
    assert drawn == {"conv"}
