"""Vizier's study as what a tuner is opened with: space, objectives, seed, settings and chronicle.

A client sets the tuner's settings in the study's metadata, namespace ``nascore``: ``settings`` holds one JSON object,
``seed`` a number. In ``chronicle`` the policy keeps what the tuner was asked and told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from nascore.errors import SettingsError, UnsupportedError
from nascore.record import Direction, JsonValue, Objective
from nascore.tuner import Setup
from vizier import pyvizier

from nas_vizier.space import StudySpace

NAMESPACE = "nascore"
CHRONICLE = "chronicle"
SETTINGS = "settings"
SEED = "seed"
_UNNAMED = "objective"
"""Vizier allows the only metric of a study to have no name."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study, read.

    Attributes:
        form: How its architectures are written.
        setup: What the tuner is opened with.
        settings: The tuner's settings.
        chronicle: What the tuner was asked and told; empty at first.
    """

    form: StudySpace
    setup: Setup
    settings: Mapping[str, JsonValue]
    chronicle: str

    def metric(self, name: str) -> str:
        """Return the name of one of Vizier's metrics here."""
        return name or _UNNAMED


def read_study(problem: pyvizier.ProblemStatement, guid: str) -> Study:
    """Return the study that Vizier describes.

    Args:
        problem: Its search space, metrics and metadata.
        guid: Its name, from which the seed is made unless one is set.

    Raises:
        SpaceError: Its search space is not valid or not known here.
        SettingsError: Settings or seed are not what they must be.
        UnsupportedError: It has a safety metric.
    """
    form = StudySpace(problem.search_space)
    metadata = problem.metadata.ns(NAMESPACE)
    objectives = tuple(map(_objective, problem.metric_information))
    setup = Setup(form.space, objectives, _seed(metadata.get(SEED), guid))
    return Study(form, setup, _settings(metadata.get(SETTINGS)), str(metadata.get(CHRONICLE) or ""))


def _objective(metric: pyvizier.MetricInformation) -> Objective:
    if metric.safety_threshold is not None:
        raise UnsupportedError(
            f"Metric {metric.name}: safety metrics are not known here.", hint="Take one of Vizier's own algorithms."
        )
    is_most = metric.goal == pyvizier.ObjectiveMetricGoal.MAXIMIZE
    return Objective(metric.name or _UNNAMED, Direction.MAXIMIZE if is_most else Direction.MINIMIZE)


def _settings(text: object) -> dict[str, JsonValue]:
    if text is None:
        return {}
    try:
        settings = json.loads(str(text))
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise SettingsError(
            f"Metadata {NAMESPACE}/{SETTINGS} is not one JSON object: {str(text)[:60]!r}.",
            hint='Write, for example, {"population_size": 50}.',
        )
    return settings


def _seed(text: object, guid: str) -> int:
    if text is None:
        return int.from_bytes(hashlib.sha256(f"nas-vizier {guid}".encode()).digest()[:8], "big")
    shown = str(text)
    if not (shown.isascii() and shown.isdecimal() and len(shown) <= 20 and int(shown) < 2**64):
        raise SettingsError(f"Metadata {NAMESPACE}/{SEED}: {shown[:40]!r} is not a whole number within 0 and 2^64 - 1.")
    return int(shown)
