"""Stencils: the same bytes and the same decisions as field by field, and no fault gets past them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nascore.errors import ArchitectureError
from nascore.space import MixedDecision, Mixture
from nascore.space.stencil import Stencil, Stencils
from nascore.space.wire import mixed_from_messages, mixture_from_message, mixture_to_message, write_mixed
from nascore.v1 import architecture_pb2, tuner_pb2

weights = some.lists(some.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=40)


@some.composite
def mixed(draw: some.DrawFn) -> list[MixedDecision]:
    paths = draw(some.lists(some.text(max_size=200), min_size=2, max_size=6, unique=True))
    decisions = []
    for path in sorted(paths):
        each = draw(weights)
        graded = draw(some.sets(some.integers(0, len(each) - 1)))
        decisions.append(MixedDecision(path, tuple(each), tuple(sorted(graded))))
    return decisions


def by_field(decisions: list[MixedDecision]) -> architecture_pb2.Mixture:
    message = architecture_pb2.Mixture()
    for each in decisions:
        message.decisions.add(path=each.path, weights=each.weights, graded=each.graded)
    return message


@given(mixed(), some.floats(allow_nan=False, allow_infinity=False))
def test_stencil_writes_and_reads_what_protobuf_does(decisions: list[MixedDecision], weight: float) -> None:
    stencil = Stencil(decisions, 1)
    others = [MixedDecision(each.path, (weight,) * len(each.weights), each.graded) for each in decisions]
    for some_of_them in (decisions, others):
        data = by_field(some_of_them).SerializeToString()
        assert stencil.write(some_of_them) == data
        # Where the sum of finite weights overflows, they are read field by field.
        is_summed = math.isfinite(sum(sum(each.weights) for each in some_of_them))
        assert stencil.read(data) == (tuple(some_of_them) if is_summed else None)


@given(mixed())
def test_wire_is_the_same_the_first_and_the_second_time(decisions: list[MixedDecision]) -> None:
    mixture = Mixture(tuple(decisions))
    for _ in range(2):
        message = mixture_to_message(mixture)
        assert message == by_field(decisions)
        assert mixture_from_message(message) == mixture
        outcome = tuner_pb2.Outcome()
        write_mixed(decisions, outcome, "gradient")
        assert list(outcome.gradient) == list(message.decisions)
        assert mixed_from_messages(outcome.gradient) == tuple(decisions)


TWO = [MixedDecision("a", (0.5, 0.25), (0, 1)), MixedDecision("b", (1.0, 2.0))]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_weight_that_is_no_number_is_refused_also_where_a_stencil_fits(wrong: float) -> None:
    assert mixture_from_message(by_field(TWO)).decisions == tuple(TWO)
    message = by_field(TWO)
    message.decisions[1].weights[0] = wrong
    with pytest.raises(ArchitectureError, match="weight 0 is"):
        mixture_from_message(message)


def test_opposite_infinities_do_not_cancel() -> None:
    data = by_field(TWO)
    data.decisions[0].weights[0], data.decisions[1].weights[0] = math.inf, -math.inf
    assert Stencil(TWO, 1).read(data.SerializeToString()) is None


@pytest.mark.parametrize(
    "other",
    [
        [MixedDecision("a", (0.5, 0.25), (0, 1)), MixedDecision("c", (1.0, 2.0))],
        [MixedDecision("a", (0.5, 0.25), (0,)), MixedDecision("b", (1.0, 2.0))],
        [MixedDecision("a", (0.5,), (0,)), MixedDecision("b", (1.0, 2.0, 3.0))],
        [TWO[0]],
    ],
)
def test_decisions_of_another_form_do_not_fit(other: list[MixedDecision]) -> None:
    stencil = Stencil(TWO, 1)
    assert stencil.write(other) is None
    data = by_field(other).SerializeToString()
    assert len(data) != stencil.size or stencil.read(data) is None
    assert mixture_from_message(by_field(other)).decisions == tuple(other)


def test_unknown_fields_are_passed_over() -> None:
    data = by_field(TWO).SerializeToString() + b"\x7a\x01x"
    message = architecture_pb2.Mixture.FromString(data)
    for _ in range(2):
        assert mixture_from_message(message).decisions == tuple(TWO)


def test_stencils_are_bounded_in_number_and_size() -> None:
    stencils = Stencils(1)
    for count in range(1, 200):
        stencils.keep([MixedDecision("a", (0.0,) * count), MixedDecision("b", (0.0,))])
    assert len(stencils._by_form) <= 64
    large = [MixedDecision(f"{place:03}", (0.0,) * 500) for place in range(100)]
    assert stencils.write(large) is None
    assert stencils.write(large) is None
