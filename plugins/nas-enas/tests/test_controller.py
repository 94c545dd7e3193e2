"""The written-out gradient of the controller is its gradient, and attention finds earlier parts."""

from random import Random

import numpy as np
import pytest
from nas_enas.anchors import families
from nas_enas.controller import Controller
from nas_enas.drawing import Drawing
from nas_enas.lstm import Shape
from nas_enas.policy import walk
from nas_enas.questions import Inquiry
from nascore.space import Candidate, OneOf, SearchSpace, SomeOf
from nascore.testing.spaces import KNOWN_SPACES

OPS = tuple(map(Candidate, ("conv", "pool", "skip")))


def macro(layers=4):
    nodes = []
    for layer in range(layers):
        nodes.append(OneOf(f"layer_{layer}.op", OPS))
        if layer:
            nodes.append(SomeOf(f"layer_{layer}.skips", tuple(Candidate(str(i)) for i in range(layer)), 0, layer))
    return SearchSpace(tuple(nodes))


def micro(nodes=3):
    made = []
    for cell in ("normal", "reduce"):
        for node in range(2, 2 + nodes):
            for place in range(2):
                made.append(OneOf(f"{cell}.input_{node}_{place}", tuple(Candidate(str(i)) for i in range(node))))
                made.append(OneOf(f"{cell}.op_{node}_{place}", OPS))
    return SearchSpace(tuple(made))


def gaps():
    """Inputs that nothing has decided: more than one of them is taken for the last root."""
    made = [OneOf(f"n.input_{size}", tuple(Candidate(str(i)) for i in range(size))) for size in (2, 4, 5)]
    return SearchSpace(tuple(made))


SPACES = {
    "macro": macro(),
    "micro": micro(),
    "gaps": gaps(),
    **{name: KNOWN_SPACES[name] for name in list(KNOWN_SPACES)[:4]},
}


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("constant", [0.0, 1.3])
def test_the_gradient_of_the_log_probability_is_its_gradient(name, constant):
    space = SPACES[name]
    inquiry = Inquiry(space)
    controller = Controller(inquiry, Shape(5, constant, 2.5, 1.5, span=0.6), np.random.Generator(np.random.PCG64(3)))
    architectures = [space.sample(Random(seed)) for seed in (5, 6, 7)]
    passed = walk(controller, inquiry, architectures)
    gradient = passed.passed.backward([each.log_prob_slope for each in passed.judged])
    chooser = Random(7)
    for key, value in controller.parameters.items():
        for _ in range(6):
            place = tuple(chooser.randrange(size) for size in value.shape)
            assert gradient[key][place] == pytest.approx(
                _difference(controller, inquiry, architectures, key, place), abs=2e-7
            )


def _difference(controller, inquiry, architectures, key, place, step=1e-5):
    value = controller.parameters[key]
    kept, found = value[place], []
    for moved in (kept + step, kept - step):
        value[place] = moved
        found.append(walk(controller, inquiry, architectures).log_prob.sum())
    value[place] = kept
    return (found[0] - found[1]) / (2 * step)


@pytest.mark.parametrize("name", SPACES)
def test_architectures_go_through_together_as_each_alone(name):
    space = SPACES[name]
    inquiry = Inquiry(space)
    controller = Controller(inquiry, Shape(5, 1.3, 2.5, 1.5, span=0.6), np.random.Generator(np.random.PCG64(3)))
    architectures = [space.sample(Random(seed)) for seed in range(8)]
    together = walk(controller, inquiry, architectures)
    alone = [walk(controller, inquiry, [each]) for each in architectures]
    assert together.log_prob == pytest.approx([each.log_prob[0] for each in alone], abs=1e-12)
    assert together.entropy == pytest.approx([each.entropy[0] for each in alone], abs=1e-12)
    gradient, parts = slope_of(together), [slope_of(each) for each in alone]
    for key, value in gradient.items():
        assert value == pytest.approx(sum(part[key] for part in parts), abs=1e-12)


def slope_of(walked):
    return walked.passed.backward([each.log_prob_slope for each in walked.judged])


@pytest.mark.parametrize("name", SPACES)
def test_what_is_drawn_has_the_probability_that_it_has_when_known(name):
    space = SPACES[name]
    inquiry = Inquiry(space)
    controller = Controller(inquiry, Shape(5, 1.3, 2.5, 1.5, span=0.6), np.random.Generator(np.random.PCG64(3)))
    drawing = Drawing(controller, inquiry)
    drawn = [drawing.draw(Random(seed)) for seed in range(12)]
    known = walk(controller, inquiry, [architecture for architecture, _ in drawn])
    assert known.log_prob == pytest.approx([log_prob for _, log_prob in drawn], abs=1e-12)


def test_questions_about_earlier_parts_are_found():
    found = families(Inquiry(macro(12)).questions)
    assert set(found) == {f"layer_{layer}.skips" for layer in range(1, 12)}
    assert {family.name for family in found.values()} == {"layer_#.skips"}
    cells = families(Inquiry(micro()).questions)
    assert {family.name for family in cells.values()} == {"normal.input_#_#", "reduce.input_#_#"}
    assert cells["normal.input_3_0"].parts["normal.op_3_1"] == 3
    assert "reduce.op_2_0" not in cells["normal.input_2_0"].parts


def test_a_choice_between_equal_numbers_of_inputs_is_no_family():
    space = SearchSpace(tuple(OneOf(f"edge_{i}", tuple(Candidate(str(k)) for k in range(3))) for i in range(4)))
    assert families(Inquiry(space).questions) == {}


def test_cells_share_their_weights():
    controller = Controller(Inquiry(micro()), Shape(8), np.random.Generator(np.random.PCG64(0)))
    assert sorted(name.split(":")[0] for name in controller.parameters) == [
        "attention",
        "embedding",
        "head",
        "lstm",
        "past",
        "present",
        "root",
        "start",
    ]


def test_a_later_part_sees_what_an_earlier_one_chose():
    inquiry = Inquiry(micro())
    controller = Controller(inquiry, Shape(8, span=0.8), np.random.Generator(np.random.PCG64(0)))
    first = micro().default()
    other = micro().architecture({**first, "normal.op_2_0": "skip"})
    scores = [walk(controller, inquiry, [each]).passed.scores[-1] for each in (first, other)]
    assert not np.array_equal(*scores)
