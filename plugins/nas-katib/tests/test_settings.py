"""Settings that are all texts become what the tuner's schema says."""

from __future__ import annotations

import json
from enum import Enum

import pytest
from nas_katib.settings import settings_of_texts
from nascore.errors import SettingsError
from nascore.tuner import Settings, validate


class Colour(Enum):
    RED = "red"


class Known(Settings):
    whole: int = 1
    real: float = 1.0
    word: str = ""
    truth: bool = False
    perhaps: int | None = 3
    colour: Colour = Colour.RED
    numbers: list[int] | None = None
    mixed: int | str = 1


SCHEMA = json.dumps(Known.model_json_schema())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("whole", "50", 50),
        ("real", "1e-3", 1e-3),
        ("real", "2", 2.0),
        ("word", "12", "12"),
        ("word", "true", "true"),
        ("truth", "true", True),
        ("truth", "False", False),
        ("perhaps", "None", None),
        ("perhaps", "4", 4),
        ("colour", "red", Colour.RED),
        ("numbers", "[1, 2]", [1, 2]),
        ("mixed", "many", "many"),
        ("mixed", "7", 7),
    ],
)
def test_a_text_becomes_what_the_schema_says(name, text, value):
    read = settings_of_texts({name: text}, SCHEMA)
    assert getattr(validate(Known, read), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("whole", "many"), ("whole", ""), ("real", "NaN"), ("truth", "perhaps"), ("hole", "1"), ("numbers", "[" * 50_000)],
)
def test_what_cannot_be_read_is_refused_by_the_tuner_with_its_name(name, text):
    with pytest.raises(SettingsError, match=name):
        validate(Known, settings_of_texts({name: text}, SCHEMA))


def test_a_tuner_without_a_schema_gets_json_where_it_is_json():
    assert settings_of_texts({"a": "1", "b": "x", "c": "[1]"}, "") == {"a": 1, "b": "x", "c": [1]}
