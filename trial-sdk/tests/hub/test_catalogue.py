"""The hub's catalogue and its references: every name leads to its space, every mistake to what was meant."""

from __future__ import annotations

from pathlib import Path

import nas_trial.hub
import pytest
from nas_trial.hub import UnknownSpaceError, get, names, parse
from nas_trial.hub.catalogue import MODULES, spaces_of
from nascore.errors import SettingsError


@pytest.mark.parametrize("module", sorted(set(MODULES.values())))
def test_every_name_leads_to_its_space_and_every_space_has_a_name(module: str) -> None:
    assert sorted(spaces_of(module)) == sorted(name for name, place in MODULES.items() if place == module)


def test_every_module_with_a_space_is_in_the_catalogue() -> None:
    folder = Path(nas_trial.hub.__file__).parent
    written = {file.stem for file in folder.glob("*.py") if "\nSPACE" in file.read_text(encoding="utf-8")}
    assert written == set(MODULES.values())


def test_an_unknown_name_is_answered_with_what_it_may_have_been() -> None:
    with pytest.raises(UnknownSpaceError, match=r"no space 'DARTSS'\. Did you mean 'darts'"):
        get("DARTSS")
    with pytest.raises(UnknownSpaceError, match="There are amoebanet, autoformer"):
        get("x")


def test_names_are_sorted() -> None:
    assert list(names()) == sorted(names())


def test_a_reference_is_read_with_options_of_the_published_types() -> None:
    reference = parse("hub:darts?width=8&affine=False&classes=3")
    assert (reference.name, dict(reference.options)) == ("darts", {"width": 8, "affine": False})
    assert (reference.classes, reference.channels) == (3, None)
    assert parse(str(reference)) == reference
    assert str(parse("hub:darts")) == "hub:darts"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("darts", "Write for example hub:darts"),
        ("hub:darts?widht=8", "Did you mean 'width'"),
        ("hub:darts?width=wide", "Write a value such as"),
        ("hub:darts?affine=1", "Write true or false"),
        ("hub:darts?width", "Write options as in"),
        ("hub:darts?width=1&width=2", "gives width twice"),
        ("hub:darts?classes=0", "above zero"),
    ],
)
def test_a_reference_that_cannot_be_right_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse(text)
