"""Katib's parameters, in all the forms that people write them."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nas_katib.flat import FlatForm
from nas_katib.parameters import read_parameters
from nas_katib.v1beta1 import api_pb2
from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Candidate, Integer, OneOf, Real


def spec(name="x", kind="INT", **space):
    return api_pb2.ParameterSpec(name=name, parameter_type=kind, feasible_space=space)


def read(*specs):
    return read_parameters(specs, "parameters")


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        (spec(name=""), "name", "it has no name"),
        (spec(kind="UNKNOWN_TYPE"), "parameter_type", "the type 0 is not double, int, discrete or categorical"),
        (spec(kind=9), "parameter_type", "the type 9"),
        (spec(), "feasible_space.min", "'' is not a finite number"),
        (spec(min="1"), "feasible_space.max", "'' is not a finite number"),
        (spec(min="a", max="3"), "feasible_space.min", "'a' is not a finite number"),
        (spec(min="nan", max="3"), "feasible_space.min", "'nan'"),
        (spec(min="1", max="inf"), "feasible_space.max", "'inf'"),
        (spec(min="1", max="1e999999"), "feasible_space.max", "'1e999999'"),
        (spec(min="3", max="1"), "feasible_space", "min 3 is above max 1"),
        (spec(min="1.5", max="3"), "feasible_space.min", "an int has whole numbers, not 1.5"),
        (spec(min="1", max="3", step="0.5"), "feasible_space.step", "an int has whole numbers, not 0.5"),
        (spec(min="1", max="3", step="0"), "feasible_space.step", "the step 0 is not above 0"),
        (spec(min="1", max="3", step="-1"), "feasible_space.step", "the step -1 is not above 0"),
        (spec(min="1", max="3", distribution="NORMAL"), "feasible_space.distribution", "for a double without a step"),
        (
            spec(kind="DOUBLE", min="1", max="3", step="1", distribution="LOG_NORMAL"),
            "feasible_space.distribution",
            "LOG_NORMAL is for a double without a step",
        ),
        (
            spec(kind="DOUBLE", min="0", max="3", distribution="LOG_NORMAL"),
            "feasible_space.min",
            "LOG_NORMAL needs a min above 0",
        ),
        (spec(kind="DOUBLE", min="2", max="2", distribution="NORMAL"), "feasible_space", "too close for NORMAL"),
        (spec(min="1", max="3", distribution=9), "feasible_space.distribution", "9 is not known here"),
        (spec(min="0", max="3", distribution="LOG_UNIFORM"), "feasible_space.min", "LOG_UNIFORM needs a min above 0"),
        (
            spec(kind="DOUBLE", min="1", max="3", step="1", distribution="LOG_UNIFORM"),
            "feasible_space.step",
            "do not go together",
        ),
        (spec(kind="DOUBLE", min="0", max="1", step="1e-9"), "feasible_space.step", "more than 1000000 points"),
        (spec(kind="DOUBLE", min="0", max="1e299", step="1e-299"), "feasible_space.step", "more than 1000000 points"),
        (spec(kind="CATEGORICAL"), "feasible_space.list", "its list is empty"),
        (spec(kind="CATEGORICAL", list=["a", "b", "a"]), "feasible_space.list", "it names 'a' twice"),
        (spec(kind="DISCRETE", list=["1", "many"]), "feasible_space.list", "'many' is not a finite number"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_with_its_name(wrong, field, says):
    with pytest.raises(SpaceError) as refusal:
        read(spec("fine", min="1", max="2"), wrong)
    (violation,) = refusal.value.violations
    assert violation.field == f"parameters[1].{field}"
    assert says in violation.message
    assert wrong.name in violation.message


def test_all_that_is_wrong_is_listed_at_once():
    with pytest.raises(SpaceError) as refusal:
        read(spec("a"), spec("b", min="1", max="2"), spec("c", kind="CATEGORICAL"))
    assert [violation.field for violation in refusal.value.violations] == [
        "parameters[0].feasible_space.min",
        "parameters[2].feasible_space.list",
    ]


def test_two_of_one_name_are_refused():
    with pytest.raises(SpaceError, match="x"):
        FlatForm(read(spec(min="1", max="2"), spec(min="1", max="3")))


@pytest.mark.parametrize(
    ("given", "node"),
    [
        (spec(min="1", max="3"), Integer("x", 1, 3)),
        (spec(min="1.0", max="3e0", step="2"), Integer("x", 1, 3, 2)),
        (spec(min="-4", max="4"), Integer("x", -4, 4)),
        (spec(min="1", max="64", distribution="LOG_UNIFORM"), Integer("x", 1, 64, 1, log=True)),
        (spec(kind="DOUBLE", min="0.1", max="2"), Real("x", 0.1, 2.0)),
        (spec(kind="DOUBLE", min="1e-4", max="1", distribution="LOG_UNIFORM"), Real("x", 1e-4, 1.0, log=True)),
        (spec(kind="DOUBLE", min="0.5", max="0.95", step="0.1"), Integer("x", 0, 4)),
        (spec(kind="CATEGORICAL", list=["a", "1"]), OneOf("x", (Candidate("a"), Candidate("1")))),
        (spec(kind="DISCRETE", list=["0.5", "2"]), OneOf("x", (Candidate("0.5", 0.5), Candidate("2", 2.0)))),
    ],
)
def test_each_kind_becomes_a_node(given, node):
    assert read(given)[0].node == node


def test_values_are_written_as_a_person_would():
    form = FlatForm(
        read(
            spec("grid", "DOUBLE", min="0.1", max="0.9", step="0.1"),
            spec("real", "DOUBLE", min="0", max="1"),
            spec("a/b[0]", "INT", min="1", max="9", step="2"),
            spec("list", "DISCRETE", list=["0.10", "2"]),
        )
    )
    architecture = form.space.architecture({"grid": 2, "real": 1e-05, "a%2Fb%5B0%5D": 7, "list": "0.10"})
    assert form.assignments(architecture) == {"grid": "0.3", "real": "1e-05", "a/b[0]": "7", "list": "0.10"}
    assert form.architecture(form.assignments(architecture)) == architecture


def test_a_value_that_another_writer_rounded_is_found_on_the_grid():
    form = FlatForm(read(spec("x", "DOUBLE", min="0.1", max="0.9", step="0.1")))
    assert form.architecture({"x": "0.30000000000000004"}) == {"x": 2} or form.architecture({"x": "0.3"})["x"] == 2


@pytest.mark.parametrize("text", ["", "red", "nan", "1e999999", "0.35", "4", "-1", "0.30001"])
def test_a_value_off_the_grid_is_not_of_the_space(text):
    form = FlatForm(read(spec("x", "DOUBLE", min="0.1", max="0.9", step="0.1")))
    with pytest.raises(ArchitectureError):
        form.architecture({"x": text})


def test_an_architecture_needs_all_its_values():
    with pytest.raises(ArchitectureError, match="There is no value for y"):
        FlatForm(read(spec("x", min="1", max="2"), spec("y", min="1", max="2"))).architecture({"x": "1"})


@pytest.mark.parametrize(
    ("name", "low", "high", "measure"), [("NORMAL", -2.0, 10.0, float), ("LOG_NORMAL", 1e-5, 1e-1, math.log10)]
)
def test_even_draws_of_a_normal_parameter_are_normally_distributed_as_katib_has_it(name, low, high, measure):
    (parameter,) = read(spec(kind="DOUBLE", min=str(low), max=str(high), distribution=name))
    form, generator = FlatForm((parameter,)), Random(1)
    drawn = [float(form.assignments(form.space.sample(generator))["x"]) for _ in range(4000)]
    assert all(low <= each <= high for each in drawn)
    middle, deviation = (measure(low) + measure(high)) / 2, (measure(high) - measure(low)) / 6
    shares = [sum(abs(measure(each) - middle) < many * deviation for each in drawn) / 4000 for many in (1, 2)]
    assert shares == [pytest.approx(0.683, abs=0.03), pytest.approx(0.954, abs=0.015)]


def test_any_number_of_the_range_is_one_of_a_normal_parameter():
    (parameter,) = read(spec(kind="DOUBLE", min="0", max="6", distribution="NORMAL"))
    assert [parameter.value(text) for text in ("0", "3", "6")] == [0, 5000, 9999]
    assert parameter.value("2.9999") < 5000
    for outside in ("-0.001", "6.001", "nan"):
        with pytest.raises(ArchitectureError):
            parameter.value(outside)


@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda low, span, step: {"kind": "INT", "min": str(low), "max": str(low + span), "step": str(step)},
                st.integers(-(10**6), 10**6),
                st.integers(0, 1000),
                st.integers(1, 50),
            ),
            st.builds(
                lambda low, span: {"kind": "DOUBLE", "min": repr(low), "max": repr(low + span)},
                st.floats(-1e6, 1e6),
                st.floats(0, 1e6),
            ),
            st.builds(
                lambda low, steps, step: {"kind": "DOUBLE", "min": low, "max": str(steps), "step": step},
                st.sampled_from(["0", "-0.3", "0.25"]),
                st.integers(1, 40),
                st.sampled_from(["0.1", "1e-2", "0.7"]),
            ),
            st.builds(
                lambda low, span, name: {
                    "kind": "DOUBLE",
                    "min": repr(low),
                    "max": repr(low * (1 + span)),
                    "distribution": name,
                },
                st.floats(1e-9, 1e6),
                st.floats(1e-6, 1e6),
                st.sampled_from(["NORMAL", "LOG_NORMAL"]),
            ),
            st.builds(
                lambda keys: {"kind": "CATEGORICAL", "list": keys},
                st.lists(st.text(min_size=1), min_size=1, unique=True),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2**32),
)
def test_what_is_written_into_a_trial_is_read_back(parts, seed):
    specs = [spec(f"p{place}", **part) for place, part in enumerate(parts)]
    form = FlatForm(read(*specs))
    architecture = form.space.sample(Random(seed))
    assert form.architecture(form.assignments(architecture)) == architecture
