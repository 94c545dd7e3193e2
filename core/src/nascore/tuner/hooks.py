"""The hooks that plugins implement, and the marks they put on them (pluggy project ``nascore``).

A plugin is a Python module with functions marked `hookimpl`, and ``NASCORE_PLUGIN_API = 1``. Its distribution names the
module in an entry point of the hook's group; the key of the entry point is the name of what is offered, so that
everything installed can be listed without importing anything::

    [project.entry-points."nascore.tuners"]
    my-tuner = "my_package.plugin"

    # my_package/plugin.py
    from nascore.tuner import hookimpl
    NASCORE_PLUGIN_API = 1

    @hookimpl
    def nascore_tuners():
        return {"my-tuner": MyTuner}

Not here: finding and loading plugins (``nascore.tuner.plugins``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pluggy

from nascore.record import TrialRecord
from nascore.space import Architecture
from nascore.tuner.contract import Settings, Tuner

PROJECT = "nascore"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What an exporter is given.

    Attributes:
        folder: The experiment's folder.
        trial_file: The file with the trial's code.
        architecture: The architecture to export.
        trial: The trial that evaluated it.
        weights: Folder of the directory store with its weights.
        checkpoint: Id of the checkpoint to take them from; empty for none.
        target: Folder to write into.
    """

    folder: Path
    trial_file: Path
    architecture: Architecture
    trial: TrialRecord
    weights: Path
    checkpoint: str
    target: Path


Exporter = Callable[[ExportRequest], Sequence[Path]]
"""Writes files for a request and returns them."""


@hookspec
def nascore_tuners() -> Mapping[str, type[Tuner[Settings]]]:  # type: ignore[empty-body]  # pluggy calls implementations
    """Return tuners by name; entry-point group ``nascore.tuners``."""


@hookspec
def nascore_commands() -> Mapping[str, click.Command]:  # type: ignore[empty-body]  # pluggy calls implementations
    """Return commands for the command line by name; entry-point group ``nascore.commands``."""


@hookspec
def nascore_exporters() -> Mapping[str, Exporter]:  # type: ignore[empty-body]  # pluggy calls implementations
    """Return exporters of results by name; entry-point group ``nascore.exporters``."""


@hookspec
def nascore_launchers() -> Mapping[str, type[object]]:  # type: ignore[empty-body]  # pluggy calls implementations
    """Return subclasses of ``nascore.launch.Launcher`` by name; entry-point group ``nascore.launchers``."""
