"""What the trial SDK adds to ``nascore``: its commands and the exporters ``code`` and ``onnx``.

They run the user's trial file in a process of its own, where torch and the SDK are imported; this module is read by the
command line, which stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from nascore.tuner.hooks import ExportRequest, hookimpl

from nas_trial_plugin.compile import compile_command
from nas_trial_plugin.exporting import export_code, export_onnx
from nas_trial_plugin.space import space_command

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_commands() -> Mapping[str, click.Command]:
    """See `nascore.tuner.hooks`."""
    return {"compile": compile_command, "space": space_command}


@hookimpl
def nascore_exporters() -> Mapping[str, Callable[[ExportRequest], Sequence[Path]]]:
    """See `nascore.tuner.hooks`."""
    return {"code": export_code, "onnx": export_onnx}
