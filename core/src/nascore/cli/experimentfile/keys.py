"""The keys of an experiment file: NNI's words where they fit, each also in snake_case and by its short name.

Source of the words: NNI's experiment configuration reference (``experimentName``, ``trialCommand``,
``trialConcurrency``, ``maxTrialNumber``, ``maxExperimentDuration``, ``searchSpaceFile``, ``tuner``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nascore.cli.experimentfile import oneshot, readers, tunerlimits
from nascore.cli.experimentfile.document import Node
from nascore.record import JsonValue


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        name: Its name in camelCase, which messages and the schema use.
        field: The field of ``RunRequest`` that it sets; empty if it is read in a way of its own.
        read: Reads and checks the value.
        schema: Its JSON Schema, without the description.
        summary: What it means, one sentence.
        short: Other names.
    """

    name: str
    field: str
    read: Callable[[Node], object]
    schema: Mapping[str, JsonValue]
    summary: str
    short: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that are read."""
        snake = re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", self.name)
        return tuple(dict.fromkeys((self.name, snake, *self.short)))


ONE_SHOT = "one_shot"
"""The field whose parts several keys set."""

_TEXT: Mapping[str, JsonValue] = {"type": "string", "minLength": 1}
_COUNT: Mapping[str, JsonValue] = {"type": "integer", "minimum": 1}
_NUMBER: Mapping[str, JsonValue] = {"type": "number"}
_DURATION: Mapping[str, JsonValue] = {"type": ["string", "number"], "examples": ["90s", "1h30m", "24h"]}
_DIRECTION: Mapping[str, JsonValue] = {"enum": ["maximize", "minimize", "max", "min"]}
_SETTINGS: Mapping[str, JsonValue] = {"type": "object"}
_TUNER: Mapping[str, JsonValue] = {
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {
                "name": dict(_TEXT),
                "classArgs": dict(_SETTINGS),
                "class_args": dict(_SETTINGS),
                "settings": dict(_SETTINGS),
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    ]
}
_OBJECTIVE: dict[str, JsonValue] = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"metric": dict(_TEXT), "direction": dict(_DIRECTION), "bound": dict(_NUMBER)},
            "required": ["metric"],
            "additionalProperties": False,
        },
    ]
}
_OBJECTIVES: Mapping[str, JsonValue] = {"oneOf": [_OBJECTIVE, {"type": "array", "minItems": 1, "items": _OBJECTIVE}]}
_MAXIMA: Mapping[str, JsonValue] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number"], "examples": ["3M", "300M", "5ms"]},
}
_FIGURES: Mapping[str, JsonValue] = {"type": ["string", "array"], "items": {"type": "string"}}
_WORDS: Mapping[str, JsonValue] = {"type": ["string", "array"], "items": {"type": "string"}}
_GPUS: Mapping[str, JsonValue] = {"type": ["array", "string", "integer"], "items": {"type": "integer", "minimum": 0}}
_ISOLATION: Mapping[str, JsonValue] = {"enum": ["fork", "none"]}

_SPACE = "Search space as JSON, ours or NNI's; or a space of the hub, such as hub:darts?width=8."

KEYS: tuple[Key, ...] = (
    Key("experimentName", "name", readers.read_text, _TEXT, "Name of the experiment.", ("name",)),
    Key("trialFile", "trial_file", readers.read_path, _TEXT, "Python file of the trial.", ("trial",)),
    Key("trialCommand", "trial_command", readers.read_command, _WORDS, "Command of a worker, in any language."),
    Key("trialCodeDirectory", "folder", readers.read_path, _TEXT, "Folder that workers run in.", ("folder",)),
    Key("trialConcurrency", "parallel", readers.read_count, _COUNT, "Trials at the same time.", ("parallel",)),
    Key("maxTrialNumber", "trials", readers.read_count, _COUNT, "Trials after which the search ends.", ("trials",)),
    Key(
        "maxExperimentDuration",
        "duration_s",
        readers.read_duration,
        _DURATION,
        "Running time after which the search ends.",
        ("duration",),
    ),
    Key("target", "target", readers.read_number, _NUMBER, "Value of the first objective that ends the search."),
    Key("searchSpaceFile", "space_file", readers.read_space, _TEXT, _SPACE, ("space",)),
    Key("tuner", "", lambda node: node, _TUNER, "The tuner: its name, or name and classArgs."),
    Key(
        "tunerLimits",
        "tuner_limits",
        tunerlimits.read_tuner_limits,
        tunerlimits.TUNER_LIMITS_SCHEMA,
        "What the tuner may take: timeout of an answer, memory, deaths until it is given up.",
    ),
    Key("objectives", "objectives", readers.read_objectives, _OBJECTIVES, "What is optimised.", ("objective",)),
    Key("optimizeMode", "", readers.read_direction, _DIRECTION, "Direction of the one objective."),
    Key("max", "maxima", readers.read_maxima, _MAXIMA, "The most that networks may cost.", ("maxima",)),
    Key("profile", "profile", readers.read_figures, _FIGURES, "Figures of networks to report with their metrics."),
    Key("seed", "seed", readers.read_seed, {"type": "integer", "minimum": 0}, "Seed of everything random."),
    Key("isolation", "isolation", readers.read_isolation, _ISOLATION, "fork: a process a trial; none: one for all."),
    Key("gpus", "gpus", readers.read_gpus, _GPUS, "GPUs to use, by index.", ("gpuIndices", "gpu_indices")),
    Key("maxAttempts", "max_attempts", readers.read_count, _COUNT, "How often a lost trial is begun."),
    Key(
        "maxFailuresInARow",
        "max_failures_in_a_row",
        readers.read_count,
        _COUNT,
        "Failed trials before any success that end the search.",
        ("max_failures_in_a_row",),
    ),
    Key("mode", "mode", oneshot.read_mode, oneshot.MODE_SCHEMA, "Whether networks or supernets are trained."),
    Key("search", ONE_SHOT, oneshot.read_search, oneshot.SEARCH_SCHEMA, "One-shot: how long a supernet is trained."),
    Key("derive", ONE_SHOT, oneshot.read_derive, oneshot.DERIVE_SCHEMA, "One-shot: networks derived from a supernet."),
    Key("retrain", ONE_SHOT, oneshot.read_retrain, oneshot.RETRAIN_SCHEMA, "One-shot: how long they are retrained."),
    Key("supernets", ONE_SHOT, oneshot.read_supernets, _COUNT, "One-shot: independent supernets."),
    Key("shareWeights", ONE_SHOT, oneshot.read_share, oneshot.SHARE_SCHEMA, "One-shot: workers share one supernet."),
    Key("syncEvery", ONE_SHOT, oneshot.read_sync_every, _COUNT, "One-shot: weight steps between synchronisations."),
    Key("trust", ONE_SHOT, oneshot.read_trust, oneshot.TRUST_SCHEMA, "One-shot: the baselines, or false for none."),
    Key("leaseDuration", "lease_s", readers.read_duration, _DURATION, "How long a silent trial counts as alive."),
)

FOREIGN: Mapping[str, str] = MappingProxyType(
    {
        "trainingService": "Remove it: trials run on this machine; `nascore serve` takes workers from anywhere.",
        "trialGpuNumber": "Remove it, or name the GPUs with `gpus: [0, 1]`; a worker has one GPU.",
        "searchSpace": "Write the space to a file and name it with `searchSpaceFile`.",
        "assessor": "Remove it: a tuner stops bad trials itself.",
        "advisor": "Use `tuner` instead.",
        "useAnnotation": "Remove it: choices are written in the model.",
        "experimentWorkingDirectory": "Remove it, and set NASCORE_HOME in the environment.",
        "debug": "Remove it, and use `nascore run --debug`.",
        "logLevel": "Remove it.",
        "nniManagerIp": "Remove it: there is no manager to connect to.",
        "maxTrialDuration": "Remove it: a trial trains for the epochs that it or the tuner sets.",
    }
)
"""Keys of NNI that have no meaning here, and what to do instead."""
