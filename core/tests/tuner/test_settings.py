"""Settings are checked with a finding for each field, and listed for people."""

from __future__ import annotations

from typing import Literal

import pytest
from nascore.errors import SettingsError, Violation
from nascore.record import JsonValue
from nascore.tuner.contract import Settings
from nascore.tuner.settings import SettingsOption, check_names, settings_options, settings_schema, validate
from pydantic import Field


class Chosen(Settings):
    population_size: int = Field(100, ge=2, description="How many.")
    rate: float | None = Field(None, gt=0, description="How fast.")
    kind: Literal["good", "better"] = Field("good", description="How well.")
    target: int = Field(description="How far.")


def test_defaults_fill_what_is_not_given() -> None:
    chosen = validate(Chosen, {"target": 3})
    assert (chosen.population_size, chosen.rate, chosen.kind, chosen.target) == (100, None, "good", 3)


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        (
            {"population_sice": 3},
            Violation("population_sice", "There is no such setting. Did you mean 'population_size'?"),
        ),
        ({"zzz": 3}, Violation("zzz", "There is no such setting.")),
        ({}, Violation("target", "It must be given.")),
        (
            {"population_size": 1},
            Violation("population_size", "Input should be greater than or equal to 2, got 1."),
        ),
        ({"kind": "best"}, Violation("kind", "Input should be 'good' or 'better', got 'best'.")),
        ({"rate": float("nan")}, Violation("rate", "Input should be a finite number, got nan.")),
    ],
    ids=["misspelt", "unknown", "missing", "range", "choice", "nan"],
)
def test_each_wrong_field_is_a_finding(values: dict[str, JsonValue], finding: Violation) -> None:
    with pytest.raises(SettingsError) as caught:
        validate(Chosen, values)
    assert finding in caught.value.violations
    assert finding.message in str(caught.value)


def test_all_findings_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        validate(Chosen, {"population_size": "many", "kind": "best", "colour": "red"})
    assert {violation.field for violation in caught.value.violations} == {"population_size", "kind", "colour", "target"}


def test_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(SettingsError) as caught:
        validate(Chosen, {"target": "x" * 10_000})
    assert len(str(caught.value)) < 400


def test_options_are_rows_in_order() -> None:
    assert settings_options(Chosen) == (
        SettingsOption("population_size", "integer (>= 2)", "100", "How many.", False),
        SettingsOption("rate", "number (> 0) | null", "null", "How fast.", False),
        SettingsOption("kind", "good | better", '"good"', "How well.", False),
        SettingsOption("target", "integer", "", "How far.", True),
    )


def test_no_settings_have_an_empty_schema() -> None:
    assert settings_schema(Settings) == {}
    with pytest.raises(SettingsError, match="It has no settings"):
        validate(Settings, {"any": 1})


NAMED = '{"type": "object", "additionalProperties": false, "properties": {"population": {}, "sample": {}}}'


@pytest.mark.parametrize(
    ("schema", "values", "said"),
    [
        (NAMED, {"populatoin": 1}, "populatoin: There is no such setting. Did you mean 'population'?"),
        (NAMED, {"x": 1, "sample": "wrong, but known"}, "x: There is no such setting."),
        ("", {"bogus": 1}, "It has no settings."),
        ('{"additionalProperties": false}', {"bogus": 1}, "It has no settings."),
    ],
)
def test_names_that_a_foreign_tuner_does_not_know_are_refused(
    schema: str, values: dict[str, JsonValue], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check_names(schema, values)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("", {}),
        (NAMED, {"population": "the value is for the tuner to judge"}),
        ('{"properties": {"a": {}}}', {"b": 1}),
        ('{"properties": {}, "additionalProperties": false, "patternProperties": {"^x": {}}}', {"xy": 1}),
    ],
)
def test_what_a_schema_allows_is_left_to_the_tuner(schema: str, values: dict[str, JsonValue]) -> None:
    check_names(schema, values)
