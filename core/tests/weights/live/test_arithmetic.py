"""Every element type is added to as IEEE 754 says: against exact fractions, and against the bfloat16 of ml_dtypes."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nascore.weights.live import Rule, from_bf16, to_bf16
from nascore.weights.live.arithmetic import ELEMENTS, apply

BITS = st.integers(0, 2**32 - 1)


@given(st.lists(BITS, min_size=1, max_size=64))
def test_narrowing_rounds_to_nearest_even(bits):
    values = np.array(bits, np.uint32).view(np.float32)
    expected = values.astype(ml_dtypes.bfloat16)
    ours = to_bf16(values)
    is_nan = np.isnan(values)
    assert (np.isnan(from_bf16(ours)) == is_nan).all()
    assert (ours[~is_nan] == expected.view(np.uint16)[~is_nan]).all()


def test_ties_go_to_the_even_neighbour():
    # 1 + 2^-8 lies between 1 and 1 + 2^-7, and 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6.
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8)], np.float32)
    assert from_bf16(to_bf16(values)).tolist() == [1.0, 1 + 2**-6, -1.0]


def test_every_bfloat16_survives_there_and_back():
    bits = np.arange(2**16, dtype=np.uint16)
    is_number = ~np.isnan(from_bf16(bits))
    assert (to_bf16(from_bf16(bits))[is_number] == bits[is_number]).all()


def test_the_largest_numbers_round_to_infinity_and_nan_stays_nan():
    values = np.array([0x7F7FFFFF, 0xFF7FFFFF, 0x7F800001, 0xFFFFFFFF], np.uint32).view(np.float32)
    narrow = from_bf16(to_bf16(values))
    assert narrow[0] == np.inf
    assert narrow[1] == -np.inf
    assert np.isnan(narrow[2:]).all()


def as_held(dtype, values):
    return to_bf16(np.array(values, np.float32)) if dtype == "BF16" else np.array(values, ELEMENTS[dtype])


def as_numbers(dtype, held):
    with np.errstate(invalid="ignore"):  # A NaN that signals becomes a quiet one.
        return from_bf16(held).astype(np.float64) if dtype == "BF16" else held.astype(np.float64)


SMALL = st.integers(-64, 64).map(lambda n: n / 16)


@pytest.mark.parametrize("dtype", sorted(ELEMENTS))
@given(before=SMALL, pushed=SMALL)
def test_rules_are_exact_where_the_result_can_be_held(dtype, before, pushed):
    for rule, factor, expected in (
        (Rule.SUM, 1.0, before + pushed),
        (Rule.SUM, 0.5, before + pushed / 2),
        (Rule.SUM, 0.25, before + pushed / 4),
        (Rule.EMA, 0.5, before + (pushed - before) / 2),
        (Rule.EMA, 1.0, pushed),
        (Rule.ASSIGN, 0.5, pushed),
    ):
        target = as_held(dtype, [before])
        apply(dtype, target, as_held(dtype, [pushed]), rule=rule, factor=factor)
        # What bfloat16 cannot hold is the nearest number that it can.
        rounded = as_numbers(dtype, as_held(dtype, [expected]))[0]
        assert as_numbers(dtype, target)[0] == rounded


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
@given(before=st.integers(0, 2**16 - 1), pushed=st.integers(0, 2**16 - 1))
@example(before=0, pushed=0x7F81)
@example(before=0, pushed=0x7C01)
def test_narrow_sums_are_rounded_once(dtype, before, pushed):
    held = np.array([before, pushed], np.uint16)
    held = held if dtype == "BF16" else held.view(np.float16)
    numbers = as_numbers(dtype, held)
    if not np.isfinite(numbers).all():
        return
    target = held[:1].copy()
    apply(dtype, target, held[1:], rule=Rule.SUM, factor=1.0)
    with np.errstate(over="ignore"):
        exact = np.array([np.float32(Fraction(numbers[0]) + Fraction(numbers[1]))])
        expected = to_bf16(exact) if dtype == "BF16" else exact.astype(np.float16)
    assert (target == expected).all() or np.isnan(as_numbers(dtype, target)).all()


def test_data_may_lie_at_any_address_and_be_longer_than_a_block():
    pushed = np.arange(200_000, dtype=np.float32)
    raw = b"x" + pushed.tobytes()
    target = np.ones(200_000, np.float32)
    apply("F32", target, np.frombuffer(raw, np.uint8)[1:].view("<f4"), rule=Rule.SUM, factor=1.0)
    assert (target == pushed + 1).all()


@given(rate=st.sampled_from([0.5, 0.25, 0.125]), pulls=st.lists(st.integers(-8, 8), min_size=1, max_size=12))
def test_elastic_averaging_has_its_closed_form(rate, pulls):
    target = np.array([4.0])
    for value in pulls:
        apply("F64", target, np.array([float(value)]), rule=Rule.EMA, factor=rate)
    keep = Fraction(1) - Fraction(rate)
    count = len(pulls)
    exact = keep**count * 4 + sum(Fraction(rate) * keep ** (count - 1 - i) * v for i, v in enumerate(pulls))
    assert target[0] == float(exact)  # Dyadic numbers of few bits: nothing is rounded.
