"""Settings of tuners: checking what a person wrote, and listing what there is to set.

A tuner declares its settings as a pydantic model (`nascore.tuner.contract.Settings`); outside its process only the JSON
Schema (draft 2020-12) of that model is known, so options are listed from the schema, for tuners in any language.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nascore.errors import SettingsError, Violation
from nascore.record import JsonValue
from nascore.tuner.contract import Settings, SettingsT


@dataclass(frozen=True, slots=True)
class SettingsOption:
    """One thing to set, as a row of a table.

    Attributes:
        name: Its name.
        type: Its type in words (``integer``, ``decisions | architectures``).
        default: Its default as JSON; empty if it must be given.
        help: What it means.
        is_required: Whether it must be given.
    """

    name: str
    type: str
    default: str
    help: str
    is_required: bool


def validate(settings_type: type[SettingsT], values: Mapping[str, JsonValue]) -> SettingsT:
    """Return the settings that ``values`` stand for, with defaults for what is not given.

    Raises:
        SettingsError: With one violation a field; an unknown name comes with the nearest known one.
    """
    try:
        return settings_type.model_validate(dict(values))
    except ValidationError as error:
        known = tuple(settings_type.model_fields)
        violations = tuple(_violation(detail, known) for detail in error.errors(include_url=False))
    raise _refused(violations, known)


def check_names(schema_json: str, values: Mapping[str, JsonValue]) -> None:
    """Refuse settings whose names are not those of a tuner, before anything is made of it.

    Args:
        schema_json: The JSON Schema of its settings; empty if it has none.
        values: What a person wrote; the values are for the tuner to judge.

    Raises:
        SettingsError: With one violation a name that is not known; the nearest known one is told.
    """
    schema = _mapping(json.loads(schema_json)) if schema_json else {}
    known = tuple(_mapping(schema.get("properties")))
    if schema_json and (schema.get("additionalProperties") is not False or "patternProperties" in schema):
        return
    violations = tuple(_unknown(name, known) for name in values if name not in known)
    if violations:
        raise _refused(violations, known)


def settings_schema(settings_type: type[Settings]) -> dict[str, JsonValue]:
    """Return the JSON Schema of a tuner's settings; empty if it has none."""
    return settings_type.model_json_schema() if settings_type.model_fields else {}


def settings_options(settings_type: type[Settings]) -> tuple[SettingsOption, ...]:
    """Return one row for each setting, in the order of their declaration."""
    return options_of_schema(settings_schema(settings_type))


def options_of_schema(schema: Mapping[str, JsonValue]) -> tuple[SettingsOption, ...]:
    """Return one row for each property of a JSON Schema, which may come from a tuner in another language."""
    properties, required = _mapping(schema.get("properties")), schema.get("required")
    names = required if isinstance(required, list) else []
    definitions = _mapping(schema.get("$defs"))
    return tuple(_option(name, _mapping(entry), definitions, name in names) for name, entry in properties.items())


def _option(
    name: str, entry: Mapping[str, JsonValue], definitions: Mapping[str, JsonValue], is_required: bool
) -> SettingsOption:
    default = json.dumps(entry["default"], ensure_ascii=False) if "default" in entry else ""
    text = str(entry.get("description", entry.get("title", "")))
    return SettingsOption(name, _type(entry, definitions), default, text, is_required)


def _type(entry: Mapping[str, JsonValue], definitions: Mapping[str, JsonValue]) -> str:
    if "$ref" in entry:
        return _type(_mapping(definitions.get(str(entry["$ref"]).rpartition("/")[2])), {})
    if isinstance(allowed := entry.get("enum"), list):
        return " | ".join(str(value) for value in allowed)
    if isinstance(choices := entry.get("anyOf"), list):
        return " | ".join(_type(_mapping(choice), definitions) for choice in choices)
    if "const" in entry:
        return str(entry["const"])
    return str(entry.get("type", "any")) + _bounds(entry)


def _bounds(entry: Mapping[str, JsonValue]) -> str:
    words = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    found = [f"{sign} {entry[key]}" for key, sign in words.items() if key in entry]
    return f" ({', '.join(found)})" if found else ""


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _refused(violations: tuple[Violation, ...], known: tuple[str, ...]) -> SettingsError:
    listing = " ".join(str(violation) for violation in violations)
    available = f"Settings are: {', '.join(known)}." if known else "It has no settings."
    return SettingsError(f"Settings are not valid. {listing}", hint=available, violations=violations)


def _unknown(name: str, known: tuple[str, ...]) -> Violation:
    close = difflib.get_close_matches(name, known, n=1)
    return Violation(name, "There is no such setting." + (f" Did you mean {close[0]!r}?" if close else ""))


def _violation(detail: ErrorDetails, known: tuple[str, ...]) -> Violation:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(field, known)
    if detail["type"] == "missing":
        return Violation(field, "It must be given.")
    what = detail["msg"].removeprefix("Value error, ")  # What a validator raised speaks for itself.
    return Violation(field, f"{what}, got {_shown(detail['input'])}.")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
