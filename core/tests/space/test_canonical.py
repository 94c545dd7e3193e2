"""Canonical JSON against the vectors published in RFC 8785."""

from __future__ import annotations

import json
import struct

import pytest
from nascore.errors import InvalidInputError
from nascore.space.canonical import canonical_json, number_text

# RFC 8785, appendix B: bits of an IEEE 754 double, and its text.
PUBLISHED = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), PUBLISHED)
def test_published_number(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert number_text(number) == text


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_numbers_that_are_not_finite_are_refused(bits):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(InvalidInputError, match="not a finite number"):
        canonical_json(number)


def test_integers_that_no_double_holds_are_refused():
    assert number_text(2**53 - 1) == "9007199254740991"
    with pytest.raises(InvalidInputError, match="write it as text"):
        number_text(2**53)


def test_published_document():
    # RFC 8785, section 3.2.2 and its canonical form in 3.2.3.
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    text = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(document) == text.encode()


def test_members_sort_by_utf_16_code_units():
    # RFC 8785, section 3.2.3: the emoji is a surrogate pair and so comes before U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    text = canonical_json(dict.fromkeys(names, 0)).decode()
    places = {name: text.index(json.dumps(name, ensure_ascii=False)) for name in names}
    assert sorted(names, key=places.__getitem__) == expected


def test_empty_values_have_no_space():
    assert canonical_json({"a": [], "b": {}}) == b'{"a":[],"b":{}}'


def test_lone_surrogate_is_refused():
    with pytest.raises(InvalidInputError, match="surrogate"):
        canonical_json("\ud800")
