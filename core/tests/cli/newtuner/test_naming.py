"""What a tuner may be called, and what follows from it."""

from __future__ import annotations

import keyword

import pytest
from click import UsageError
from hypothesis import given
from hypothesis import strategies as st
from nascore.cli.newtuner.naming import MOST_CHARACTERS, names_of


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("", "a letter first"),
        ("é", "a letter first"),
        ("new", "a letter first"),
        ("../evil", "Did you mean `evil`?"),
        ("My_First", "Did you mean `my-first`?"),
        ("HillClimbing", "Did you mean `hill-climbing`?"),
        ("-a", "Did you mean `a`?"),
        ("a--b", "Did you mean `a-b`?"),
        ("2opt", "Did you mean `opt`?"),
        ("nas-first", "Did you mean `first`?"),
        ("a\n", "Did you mean `a`?"),
        ("a" * 31, f"Did you mean `{'a' * 30}`?"),
        ("taken", "Choose another name"),
        ("trial", "Choose another name"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_what_would_do(name: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        names_of(name, installed=["taken"])
    assert fix in caught.value.fix


def test_package_module_and_class_follow_from_the_name() -> None:
    names = names_of("hill-climbing-2", installed=[])
    assert (names.package, names.module, names.class_name) == (
        "nas-hill-climbing-2",
        "nas_hill_climbing_2",
        "HillClimbing2Tuner",
    )


@given(st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,4}){0,3}", fullmatch=True))
def test_names_that_follow_are_words_of_python(name: str) -> None:
    try:
        names = names_of(name, installed=[])
    except UsageError:
        return
    assert len(name) <= MOST_CHARACTERS
    assert names.module.isidentifier()
    assert names.class_name.isidentifier()
    assert not keyword.iskeyword(names.class_name)
