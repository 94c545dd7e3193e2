"""Paths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.space import path

TEXT = st.text(min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(TEXT)
def test_escaping_can_be_undone_and_leaves_one_segment(text):
    assert path.unescape(path.escape(text)) == text
    assert path.split(path.child("stage", text)) == ("stage", path.escape(text))
    assert path.label_and_copy(path.escape(text)) == (text, None)
    assert path.label_and_copy(path.copy(text, 12)) == (text, 12)


@settings(max_examples=50, deadline=None)
@given(TEXT, TEXT)
def test_different_labels_have_different_paths(first, second):
    assert (path.escape(first) == path.escape(second)) == (first == second)


def test_keys_stay_readable():
    assert path.child("op", "conv(ch=0.5, k=3)") == "op/conv(ch=0.5, k=3)"
    assert path.child("", "a/b[0]%") == "a%2Fb%5B0%5D%25"
    assert path.join("", "stage[1]", "act") == "stage[1]/act"
    assert path.split("") == ()


@pytest.mark.parametrize("text", ["50%", "a%2", "a%2f", "%zz"])
def test_percent_without_two_digits_is_refused(text):
    with pytest.raises(InvalidInputError, match="two hexadecimal digits"):
        path.unescape(text)


@pytest.mark.parametrize("text", ["", "a/b", "a[", "a[-1]", "a[01]", "a[1]b"])
def test_what_is_no_segment_is_refused(text):
    with pytest.raises(InvalidInputError, match="not a path segment"):
        path.label_and_copy(text)
