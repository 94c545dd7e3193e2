"""What stands in NNI's files, as plain values: mutable layers, choices and ranges, and what was chosen of them.

Sources: NNI's general programming interface for NAS (``layer_choice``, ``optional_inputs``, ``optional_input_size``;
v0.8 to v2.2), its classic NAS search space (``layer_choice``, ``input_choice``; v1.2 to v2.2), and its search space
of hyper-parameters (all versions). Nothing is checked here: reading a file is (``spacefile``, ``architecturefile``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

Json = str | int | float | bool | tuple["Json", ...] | None
"""A value in a list of choices, with tuples for lists."""

_SPECIAL = re.compile(r"[\\:]")
_PART = re.compile(r"(?:[^\\:]|\\[\\:])+")
_INPUTS = "inputs"


class Dialect(StrEnum):
    """How NNI's versions write a search space.

    ``BARE`` is ``{block: {layer: {...}}}`` (v0.8, v0.9), ``WRAPPED`` the same with ``_type`` and ``_value`` around a
    block (v1.0 on), ``FLAT`` is one ``_type`` and ``_value`` for each decision (v1.2 on, and hyper-parameters always).
    """

    BARE = "nni"
    WRAPPED = "nni-wrapped"
    FLAT = "nni-flat"


@dataclass(frozen=True, slots=True)
class MutableLayer:
    """One layer of ``mutable_layers``: one operation of several, on some of the inputs.

    Attributes:
        block: The key of its block.
        layer: Its own key in the block.
        layer_choice: Texts of the operations, of which one is chosen.
        optional_inputs: Names of the inputs to choose from.
        optional_input_size: The fewest and the most inputs that may be chosen, both included.
    """

    block: str
    layer: str
    layer_choice: tuple[str, ...]
    optional_inputs: tuple[str, ...] = ()
    optional_input_size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """A ``layer_choice``: exactly one of the named candidates."""

    key: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputChoice:
    """An ``input_choice``: ``n_chosen`` of the named candidates; ``None`` for any number, none included."""

    key: str
    candidates: tuple[str, ...]
    n_chosen: int | None


@dataclass(frozen=True, slots=True)
class Nested:
    """An option with parameters of its own: ``{"_name": "conv", "kernel": {...}}``."""

    name: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A hyper-parameter of type ``choice``."""

    key: str
    options: tuple[Json | Nested, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A hyper-parameter between bounds.

    Attributes:
        key: Its key.
        kind: ``uniform``, ``quniform``, ``loguniform``, ``qloguniform`` or ``randint``.
        bounds: Low and high, and the step for the kinds that begin with ``q``; ``randint`` leaves its high out.
    """

    key: str
    kind: str
    bounds: tuple[int | float, ...]


Parameter = Choice | Range
Entry = MutableLayer | LayerChoice | InputChoice | Parameter


@dataclass(frozen=True, slots=True)
class ChosenLayer:
    """What was chosen of a mutable layer."""

    block: str
    layer: str
    chosen_layer: str
    chosen_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen of a ``layer_choice`` or an ``input_choice``: ``{"_value": ..., "_idx": ...}``."""

    key: str
    value: str | tuple[str, ...]
    index: int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NestedValue:
    """The option with parameters that was chosen, and what its parameters are."""

    name: str
    parameters: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of a hyper-parameter."""

    key: str
    value: Json | NestedValue


Chosen = ChosenLayer | Answer | Setting


def layer_label(block: str, layer: str) -> str:
    """The label of the decision which operation a mutable layer is: ``mutable_1:layer_1``."""
    return f"{_escaped(block)}:{_escaped(layer)}"


def inputs_label(block: str, layer: str) -> str:
    """The label of the decision which inputs a mutable layer has: ``mutable_1:layer_1:inputs``."""
    return f"{layer_label(block, layer)}:{_INPUTS}"


def block_and_layer(label: str) -> tuple[str, str] | None:
    """The keys of the block and the layer that a label of `layer_label` stands for; ``None`` for another label."""
    parts = _parts(label)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def block_and_layer_of_inputs(label: str) -> tuple[str, str] | None:
    """As `block_and_layer`, for a label of `inputs_label`."""
    parts = _parts(label)
    return (parts[0], parts[1]) if len(parts) == 3 and parts[2] == _INPUTS else None


def _escaped(name: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", name)


def _parts(label: str) -> tuple[str, ...]:
    """The names in a label, without their escapes; none if it is not made of names."""
    found = _PART.findall(label)
    return tuple(re.sub(r"\\(.)", r"\1", part) for part in found) if ":".join(found) == label else ()
