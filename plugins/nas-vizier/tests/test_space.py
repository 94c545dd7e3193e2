"""Vizier's spaces, flat and conditional, and their trials."""

from __future__ import annotations

from random import Random

import pytest
from nas_vizier.space import StudySpace
from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Candidate, Integer, OneOf, Real
from vizier import pyvizier

CNN = {"model": "cnn", "depth": 3, "lr": 0.01, "width": 64.0, "kernel": 5}


def conditional() -> pyvizier.SearchSpace:
    space = pyvizier.SearchSpace()
    root = space.root
    root.add_float_param("lr", 1e-4, 1e-1, scale_type=pyvizier.ScaleType.LOG)
    model = root.add_categorical_param("model", ["cnn", "mlp", "linear"])
    model.select_values(["cnn"]).add_int_param("kernel", 3, 7)
    # One name in two branches, with a range of its own in each.
    model.select_values(["cnn"]).add_int_param("depth", 1, 4)
    depth = model.select_values(["mlp"]).add_int_param("depth", 2, 3)
    depth.select_values([3]).add_bool_param("skip")
    root.add_discrete_param("width", [32, 64, 128.5])
    return space


def flat(**parameters) -> pyvizier.SearchSpace:
    space = pyvizier.SearchSpace()
    for name, (kind, *arguments) in parameters.items():
        getattr(space.root, f"add_{kind}_param")(name, *arguments)
    return space


def test_a_study_without_parameters_is_refused():
    with pytest.raises(SpaceError, match="no parameters"):
        StudySpace(pyvizier.SearchSpace())


def test_a_custom_parameter_is_refused_with_its_name():
    with pytest.raises(SpaceError, match="odd: a custom parameter"):
        StudySpace(flat(odd=("custom",)))


def test_an_integer_with_very_many_branches_is_refused_with_its_name():
    space = pyvizier.SearchSpace()
    space.root.add_int_param("big", 0, 10_000).select_values([3]).add_float_param("x", 0.0, 1.0)
    with pytest.raises(SpaceError, match="big: other parameters depend on it"):
        StudySpace(space)


@pytest.mark.parametrize(
    ("parameter", "node"),
    [
        (("float", 0.0, 1.0), Real("x", 0.0, 1.0)),
        (("int", -2, 5), Integer("x", -2, 5)),
        (("categorical", ["a", "b"]), OneOf("x", (Candidate("a"), Candidate("b")))),
        (("discrete", [0.5, 2.0]), OneOf("x", (Candidate("0.5", 0.5), Candidate("2.0", 2.0)))),
    ],
)
def test_each_kind_becomes_a_node(parameter, node):
    assert StudySpace(flat(x=parameter)).space.nodes == (node,)


def test_scales_are_kept_where_there_is_a_counterpart():
    space = pyvizier.SearchSpace()
    space.root.add_float_param("log", 0.1, 1.0, scale_type=pyvizier.ScaleType.LOG)
    space.root.add_float_param("reverse", 0.1, 1.0, scale_type=pyvizier.ScaleType.REVERSE_LOG)
    assert StudySpace(space).space.nodes == (Real("log", 0.1, 1.0, log=True), Real("reverse", 0.1, 1.0))


def test_what_depends_on_a_value_is_active_with_that_value_alone():
    form = StudySpace(conditional())
    architecture = form.architecture(CNN)
    assert dict(architecture) == {
        "lr": 0.01,
        "model": "cnn",
        "model/cnn/model=cnn depth": 3,
        "model/cnn/model=cnn kernel": 5,
        "width": "64",
    }
    assert set(form.parameters(form.architecture({"model": "linear", "lr": 0.01, "width": 32}))) == {
        "model",
        "lr",
        "width",
    }


def active(parameters) -> set[str]:
    """Return which parameters are active, after the definition in `conditional`."""
    more = {"cnn": {"kernel", "depth"}, "mlp": {"depth"}, "linear": set()}[parameters["model"]]
    skip = {"skip"} if parameters["model"] == "mlp" and parameters["depth"] == 3 else set()
    return {"lr", "model", "width"} | more | skip


def test_every_architecture_is_a_point_of_viziers_space_and_read_back():
    space, generator = conditional(), Random(1)
    form = StudySpace(space)
    seen = set()
    for _ in range(200):
        architecture = form.space.sample(generator)
        parameters = form.parameters(architecture)
        assert set(parameters) == active(parameters)
        for name in parameters.keys() & {"lr", "model", "width"}:
            assert space.get(name).contains(parameters[name])
        assert form.architecture(parameters) == architecture
        seen.add(frozenset(parameters))
    assert len(seen) == 4


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {**CNN, "model": "rnn"},
        {**CNN, "depth": 5},
        {**CNN, "depth": 2.5},
        {**CNN, "depth": "deep"},
        {**CNN, "lr": float("nan")},
        {**CNN, "lr": float("inf")},
        {**CNN, "lr": 2.0},
        {**CNN, "width": 33},
        {name: value for name, value in CNN.items() if name != "kernel"},
    ],
)
def test_what_is_no_point_of_the_space_is_refused(parameters):
    with pytest.raises(ArchitectureError):
        StudySpace(conditional()).architecture(parameters)


def test_numbers_that_went_over_viziers_wire_are_read():
    assert StudySpace(conditional()).architecture({**CNN, "depth": 3.0, "kernel": 5.0, "width": "64"})
