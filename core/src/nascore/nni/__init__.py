"""NNI's files, as they are: search spaces in its three dialects, and architectures, in both directions.

Reading is strict and lists everything that is wrong with its line; what was read and not changed is written byte for
byte as it was.
"""

from nascore.nni.architecturefile import NniArchitecture, read_architecture, write_architecture
from nascore.nni.decisions import architecture_of, chosen_of
from nascore.nni.entries import (
    Answer,
    Choice,
    Chosen,
    ChosenLayer,
    Dialect,
    Entry,
    InputChoice,
    LayerChoice,
    MutableLayer,
    Nested,
    NestedValue,
    Parameter,
    Range,
    Setting,
    inputs_label,
    layer_label,
)
from nascore.nni.layout import DOCUMENTED, Style
from nascore.nni.mapping import nni_space_of, search_space_of
from nascore.nni.spacefile import NniSpace, is_nni_space, read_space, write_space

__all__ = [
    "DOCUMENTED",
    "Answer",
    "Choice",
    "Chosen",
    "ChosenLayer",
    "Dialect",
    "Entry",
    "InputChoice",
    "LayerChoice",
    "MutableLayer",
    "Nested",
    "NestedValue",
    "NniArchitecture",
    "NniSpace",
    "Parameter",
    "Range",
    "Setting",
    "Style",
    "architecture_of",
    "chosen_of",
    "inputs_label",
    "is_nni_space",
    "layer_label",
    "nni_space_of",
    "read_architecture",
    "read_space",
    "search_space_of",
    "write_architecture",
    "write_space",
]
