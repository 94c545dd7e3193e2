"""Fuzzing: inputs that are nearly right, the readers that must not break on them, and a runner that says what did.

For this house and for authors of plugins and launchers: give `fuzz` a target and inputs, or make a `Format` and run it
with `campaign`. On the command line: ``python -m nascore.testing.fuzz``.
"""

from nascore.testing.fuzz.corpus import KeptInput, keep_input, kept_inputs
from nascore.testing.fuzz.formats import FORMATS, NAMED, Format, campaign, input_at, inputs_of
from nascore.testing.fuzz.json_texts import JsonTexts
from nascore.testing.fuzz.messages import Messages
from nascore.testing.fuzz.runner import Finding, HangError, Report, fuzz
from nascore.testing.fuzz.service import Service, open_service
from nascore.testing.fuzz.wire_bytes import WireBytes
from nascore.testing.fuzz.yaml_texts import YamlTexts

__all__ = [
    "FORMATS",
    "NAMED",
    "Finding",
    "Format",
    "HangError",
    "JsonTexts",
    "KeptInput",
    "Messages",
    "Report",
    "Service",
    "WireBytes",
    "YamlTexts",
    "campaign",
    "fuzz",
    "input_at",
    "inputs_of",
    "keep_input",
    "kept_inputs",
    "open_service",
]
