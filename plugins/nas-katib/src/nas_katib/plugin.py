"""What this package adds to ``nascore``: the command ``katib``."""

from __future__ import annotations

import click
from nascore.tuner.hooks import hookimpl

from nas_katib.command import katib_command

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_commands() -> dict[str, click.Command]:
    """See `nascore.tuner.hooks`."""
    return {"katib": katib_command}
