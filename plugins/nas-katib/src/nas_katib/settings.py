"""Settings of a tuner from texts, which is all that Katib has: the tuner's JSON Schema says what they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from nascore.record import JsonValue

_WORDS: Mapping[str, JsonValue] = {"true": True, "false": False, "none": None, "null": None}


def settings_of_texts(texts: Mapping[str, str], schema_json: str) -> dict[str, JsonValue]:
    """Return the settings that texts stand for; what cannot be read is left as text, for the tuner to refuse.

    Args:
        texts: Values by name, as in ``algorithmSettings``.
        schema_json: JSON Schema of the tuner's settings; empty for none.
    """
    schema = json.loads(schema_json) if schema_json else {}
    properties = schema.get("properties", {})
    return {name: _value(text, properties.get(name), schema) for name, text in texts.items()}


def _value(text: str, entry: JsonValue, schema: Mapping[str, JsonValue]) -> JsonValue:
    kinds = set(_kinds(entry, schema))
    if kinds == {"string"}:
        return text
    if text.lower() in _WORDS and kinds & {"boolean", "null"}:
        return _WORDS[text.lower()]
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, str) else value


def _kinds(entry: JsonValue, schema: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the JSON types that an entry of the schema allows."""
    if not isinstance(entry, dict):
        return
    reference = entry.get("$ref")
    if isinstance(reference, str):
        definitions = schema.get("$defs")
        name = reference.rpartition("/")[2]
        yield from _kinds(definitions.get(name) if isinstance(definitions, dict) else None, {})
    choices = entry.get("anyOf")
    for choice in choices if isinstance(choices, list) else ():
        yield from _kinds(choice, schema)
    kind = entry.get("type")
    yield from [kind] if isinstance(kind, str) else []
    literals = [*(values if isinstance(values := entry.get("enum"), list) else ())]
    if literals and kind is None:
        yield from ("string" if isinstance(value, str) else "number" for value in literals)


def _refuse(word: str) -> None:
    raise ValueError(word)
