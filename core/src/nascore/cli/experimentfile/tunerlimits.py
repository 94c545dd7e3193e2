"""The reader of what an experiment file says of a tuner's limits: ``tunerLimits: {timeout: 10s, memory: 8GiB}``."""

from __future__ import annotations

from collections.abc import Mapping

from nascore.cli.experimentfile.document import Node
from nascore.cli.experimentfile.readers import located, members, read_count, wrong_type
from nascore.cli.tunerlimits import parse_deaths, parse_memory, parse_timeout
from nascore.record import JsonValue, TunerLimits
from nascore.record.tunerlimits import MOST_DEATHS

TUNER_LIMITS_SCHEMA: Mapping[str, JsonValue] = {
    "type": "object",
    "properties": {
        "timeout": {"type": ["string", "number"], "examples": ["10s", "5m"]},
        "memory": {"type": ["string", "integer"], "examples": ["512MiB", "8GiB"]},
        "deaths": {"type": "integer", "minimum": 1, "maximum": MOST_DEATHS},
    },
    "additionalProperties": False,
}


def read_tuner_limits(node: Node) -> TunerLimits:
    """Return what a tuner may take."""
    parts = members(node, ("timeout", "memory", "deaths"))
    timeout, memory, deaths = (parts.get(name) for name in ("timeout", "memory", "deaths"))
    return TunerLimits(
        timeout_s=None if timeout is None else located(timeout, parse_timeout, _amount(timeout, "a duration", "10s")),
        memory_bytes=None if memory is None else located(memory, parse_memory, _amount(memory, "an amount", "8GiB")),
        deaths=None if deaths is None else located(deaths, parse_deaths, str(read_count(deaths))),
    )


def _amount(node: Node, wanted: str, example: str) -> str:
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        raise wrong_type(node, wanted, hint=f"Write for example {example}.")
    return str(node.value)
