"""Readers of what an experiment file says of a one-shot search: ``search``, ``retrain``, ``trust`` and others.

Each returns a part of ``RunRequest.one_shot``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nascore.cli.experimentfile.document import Node
from nascore.cli.experimentfile.readers import members, read_count, read_text, wrong_type
from nascore.record import JsonValue, Mode

_COUNT: dict[str, JsonValue] = {"type": "integer", "minimum": 1}
_FROM_ZERO: dict[str, JsonValue] = {"type": "integer", "minimum": 0}

Part = dict[str, JsonValue]


def _group(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


MODE_SCHEMA: Mapping[str, JsonValue] = {"enum": [mode.value for mode in Mode]}
SEARCH_SCHEMA: Mapping[str, JsonValue] = _group(
    {"epochs": _COUNT, "warmupEpochs": _FROM_ZERO, "warmup_epochs": _FROM_ZERO}
)
DERIVE_SCHEMA: Mapping[str, JsonValue] = _group({"count": _COUNT})
RETRAIN_SCHEMA: Mapping[str, JsonValue] = _group({"epochs": _FROM_ZERO})
TRUST_SCHEMA: Mapping[str, JsonValue] = {
    "oneOf": [{"type": "boolean"}, _group({"random": _FROM_ZERO, "sampled": _FROM_ZERO})]
}
SHARE_SCHEMA: Mapping[str, JsonValue] = {"enum": ["async"]}


def read_mode(node: Node) -> Mode:
    """Return the mode."""
    text = read_text(node)
    if text not in list(Mode):
        raise node.error(f"{node.path}: `{text}` is neither `multi-trial` nor `one-shot`.")
    return Mode(text)


def read_search(node: Node) -> Part:
    """Return how long a supernet is trained."""
    parts = members(node, ("epochs", "warmupEpochs", "warmup_epochs"), required=())
    if "warmupEpochs" in parts and "warmup_epochs" in parts:
        raise parts["warmup_epochs"].error("warmup_epochs says again what warmupEpochs says.", hint="Keep one of them.")
    said: Part = {"epochs": read_count(parts["epochs"])} if "epochs" in parts else {}
    for name in ("warmupEpochs", "warmup_epochs"):
        if name in parts:
            said["warmup_epochs"] = _from_zero(parts[name])
    return said


def read_derive(node: Node) -> Part:
    """Return how many networks are derived."""
    return _counted(node, {"count": "derive"}, read_count)


def read_retrain(node: Node) -> Part:
    """Return how long they are retrained."""
    return _counted(node, {"epochs": "retrain_epochs"}, _from_zero)


def read_supernets(node: Node) -> Part:
    """Return how many supernets there are."""
    return {"supernets": read_count(node)}


def read_sync_every(node: Node) -> Part:
    """Return the weight steps between two synchronisations."""
    return {"sync_every": read_count(node)}


def read_share(node: Node) -> Part:
    """Return that the weights of a supernet are shared."""
    text = read_text(node)
    if text != "async":
        raise node.error(f"{node.path}: `{text}` is no way of sharing here.", hint="Write `shareWeights: async`.")
    return {"is_shared": True}


def read_trust(node: Node) -> Part:
    """Return which baselines are trained."""
    if isinstance(node.value, bool):
        return {"trust": node.value}
    return _counted(node, {"random": "max_random", "sampled": "sampled"}, _from_zero)


def _counted(node: Node, fields: Mapping[str, str], read: Callable[[Node], int]) -> Part:
    return {fields[name]: read(part) for name, part in members(node, tuple(fields), required=()).items()}


def _from_zero(node: Node) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise wrong_type(node, "a whole number")
    if node.value < 0:
        raise node.error(f"{node.path}: {node.value} is below 0.")
    return node.value
