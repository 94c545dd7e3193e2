"""JSON Schema of the experiment file, for completion and checks in editors."""

from __future__ import annotations

from nascore.cli.experimentfile.keys import KEYS
from nascore.record import JsonValue


def experiment_file_schema() -> dict[str, JsonValue]:
    """Return the schema (draft 2020-12), made from the same table that the reader uses."""
    properties: dict[str, JsonValue] = {}
    for key in KEYS:
        for name in key.names:
            properties[name] = {**key.schema, "description": key.summary}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment file of nascore",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
