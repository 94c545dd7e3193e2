"""Checks of what a tuner says of itself, and of what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from nascore.record import JsonValue, Objective
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import BreachError, NeedlessError
from nascore.testing.conformance.stage import stage_of
from nascore.testing.spaces import LITTLE_SPACES
from nascore.tuner.contract import Determinism, Mode
from nascore.tuner.session import PROTOCOL_VERSION
from nascore.tuner.settings import options_of_schema
from nascore.tuner.suitability import node_kinds

KINDS = {
    "one_of": "choice",
    "some_of": "chosen",
    "integer": "constrained",
    "real": "numeric",
    "repeat": "repeat",
    "group": "blocks",
}
_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}


def check_handshake(bench: Bench) -> None:
    """It starts, greets, answers Describe, and speaks our protocol."""
    found = bench.description
    if not found.min_protocol <= PROTOCOL_VERSION <= found.max_protocol:
        raise BreachError(
            f"It speaks protocols {found.min_protocol} to {found.max_protocol}; this nascore speaks {PROTOCOL_VERSION}."
        )


def check_description(bench: Bench) -> None:
    """Its description makes sense."""
    found = bench.description
    if not found.name.strip():
        raise BreachError("It has no name.")
    if not found.modes:
        raise BreachError("It names no mode.")
    if unknown := found.node_kinds - KINDS.keys():
        raise BreachError(f"It claims to handle nodes of the kind {sorted(unknown)[0]!r}, which there is not.")
    if found.determinism is Determinism.SNAPSHOT and not found.can_snapshot:
        raise BreachError("It declares level L2, and keeps no snapshots.")
    if Mode.ONE_SHOT in found.modes and not found.can_derive:
        raise BreachError("It searches one-shot, and derives no architectures.")
    _check_schema(found.settings_schema_json)


def _check_schema(text: str) -> None:
    if not text:
        return
    try:
        schema: JsonValue = json.loads(text)
    except ValueError as error:
        raise BreachError(f"The schema of its settings is not JSON: {error}.") from error
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise BreachError("The schema of its settings does not describe an object.")
    _check_parts(schema, "settings")
    for option in options_of_schema(schema):
        if not option.name.isidentifier():
            raise BreachError(f"Its setting {option.name!r} is not a word that can become an option.")


def _check_parts(schema: dict[str, JsonValue], path: str) -> None:
    kinds = schema.get("type", "object")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in _TYPES:
            raise BreachError(f"The schema of {path} has the type {kind!r}, which JSON Schema does not know.")
    for group in ("properties", "$defs"):
        parts = schema.get(group, {})
        if not isinstance(parts, dict):
            raise BreachError(f"The schema of {path} has {group} that are no object.")
        for name, part in parts.items():
            if not isinstance(part, dict):
                raise BreachError(f"The schema of {path}.{name} is no object.")
            _check_parts(part, f"{path}.{name}")


def check_node_kinds(bench: Bench) -> None:
    """It takes a little space of each kind of node that it claims."""
    found = bench.description
    if not found.node_kinds:
        raise NeedlessError("It claims all kinds; what it refuses of them is checked with the known spaces.")
    for kind, name in KINDS.items():
        setups = [stage_of(name, LITTLE_SPACES[name], mode=mode, seed=bench.seed).setup for mode in sorted(found.modes)]
        refusals = [bench.refusal(setup) for setup in setups]
        if all(refusals) and {each for _, each in node_kinds(LITTLE_SPACES[name])} <= found.node_kinds:
            raise BreachError(f"It claims {kind} nodes, and refuses the least space of them: {refusals[0]}")


def check_refusals(bench: Bench) -> None:
    """What it cannot handle it refuses with a sentence, and what it can it goes on handling."""
    for stage in bench.stages:
        _check_objectives(bench, stage.setup.mode)
        unknown: dict[str, JsonValue] = {**bench.settings, "no_such_setting_of_any_tuner": 1}
        bench.refusal(stage.setup, unknown)
        for wrong in _wrong_settings(bench.description.settings_schema_json):
            if not bench.refusal(stage.setup, {**bench.settings, **wrong}):
                raise BreachError(f"It accepts {wrong}, which its own schema forbids.")
        if refusal := bench.refusal(stage.setup):
            raise BreachError(f"After refusals it refuses what it accepted before: {refusal}")


def _check_objectives(bench: Bench, mode: Mode) -> None:
    most = bench.description.max_objectives
    stage = next(each for each in bench.stages if each.setup.mode is mode)
    several = tuple(Objective(f"metric{index}") for index in range(most + 1 if most else 3))
    refusal = bench.refusal(replace(stage.setup, objectives=several))
    if most and not refusal:
        raise BreachError(f"It accepts {len(several)} objectives, and claims to handle at most {most}.")
    if refusal and not most:
        raise BreachError(f"It claims any number of objectives, and refuses {len(several)}: {refusal}")


def _wrong_settings(schema_text: str) -> Iterator[dict[str, JsonValue]]:
    """Yield settings that a schema plainly forbids: of another type, out of bounds, not listed, of no known name."""
    schema: dict[str, JsonValue] = json.loads(schema_text) if schema_text else {}
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, dict) else ():
        yield from ({name: value} for value in _forbidden(part if isinstance(part, dict) else {}))
    if schema.get("additionalProperties") is False:
        yield {"no_such_setting_of_any_tuner": 1}


def _forbidden(part: dict[str, JsonValue]) -> Iterator[JsonValue]:
    if part.get("type") in ("integer", "number", "boolean") or "enum" in part:
        yield "no value of this setting"
    for bound, beyond in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
        if isinstance(limit := part.get(bound), int | float):
            yield limit + beyond
