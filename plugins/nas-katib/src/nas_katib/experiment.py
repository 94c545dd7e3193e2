"""Katib's experiment as what a tuner is opened with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from nascore.errors import SettingsError, SpaceError
from nascore.record import Direction, Objective
from nascore.space import Architecture, SearchSpace
from nascore.tuner import Setup

from nas_katib.flat import FlatForm
from nas_katib.layers import LayerForm
from nas_katib.parameters import read_parameters
from nas_katib.v1beta1 import api_pb2

CHRONICLE = "nascore-chronicle"
"""The algorithm setting in which Katib keeps what the tuner was asked and told; no person writes it."""
SEED = "seed"
"""The algorithm setting with the seed of everything random; by default it is made from the experiment's name."""
_DIRECTIONS = {api_pb2.MAXIMIZE: Direction.MAXIMIZE, api_pb2.MINIMIZE: Direction.MINIMIZE}


class Form(Protocol):
    """How architectures are written into trials."""

    space: SearchSpace

    def assignments(self, architecture: Architecture) -> dict[str, str]:
        """Return what a trial is given, by parameter."""

    def architecture(self, assignments: Mapping[str, str]) -> Architecture:
        """Return what a trial was given; an `ArchitectureError` if it is not of the space."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment, read.

    Attributes:
        name: Its name.
        form: How its architectures are written.
        setup: What the tuner is opened with.
        settings: The tuner's settings, as texts.
        chronicle: What the tuner was asked and told; empty at first.
    """

    name: str
    form: Form
    setup: Setup
    settings: Mapping[str, str]
    chronicle: str


def read_experiment(message: api_pb2.Experiment) -> Experiment:
    """Return the experiment that Katib describes.

    Raises:
        SpaceError: Its parameters or its network are not valid.
        SettingsError: Its objective or a setting is not valid.
    """
    if not message.name:
        raise SettingsError("experiment.name: it is empty.")
    spec = message.spec
    settings = _settings(spec.algorithm)
    chronicle, seed = settings.pop(CHRONICLE, ""), _seed(settings.pop(SEED, None), message.name)
    form = _form(spec)
    setup = Setup(form.space, (_objective(spec.objective),), seed)
    return Experiment(message.name, form, setup, settings, chronicle)


def _form(spec: api_pb2.ExperimentSpec) -> Form:
    parameters = spec.parameter_specs.parameters
    if spec.HasField("nas_config"):
        if parameters:
            raise SpaceError("The experiment has both parameters and a nasConfig; one of them says what is searched.")
        return LayerForm(spec.nas_config)
    if not parameters:
        raise SpaceError("The experiment has neither parameters nor a nasConfig, so there is nothing to search.")
    return FlatForm(read_parameters(parameters, "parameters"))


def _objective(spec: api_pb2.ObjectiveSpec) -> Objective:
    if spec.type not in _DIRECTIONS:
        raise SettingsError(f"objective.type: {spec.type} is neither MINIMIZE nor MAXIMIZE.")
    if not math.isfinite(spec.goal):
        raise SettingsError(f"objective.goal: {spec.goal} is not finite.")
    # A goal of 0 and none at all are the same on Katib's wire; it ends the experiment at the goal by itself.
    return Objective(spec.objective_metric_name, _DIRECTIONS[spec.type], spec.goal or None)


def _settings(spec: api_pb2.AlgorithmSpec) -> dict[str, str]:
    found: dict[str, str] = {}
    for setting in spec.algorithm_settings:
        if setting.name in found:
            raise SettingsError(f"algorithm_settings: {setting.name!r} is given twice.", hint="Keep one of the two.")
        found[setting.name] = setting.value
    return found


def _seed(text: str | None, name: str) -> int:
    if text is None:
        return int.from_bytes(hashlib.sha256(f"nas-katib {name}".encode()).digest()[:8], "big")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) < 2**64):
        raise SettingsError(f"algorithm_settings: seed {text[:40]!r} is not a whole number within 0 and 2^64 - 1.")
    return int(text)
