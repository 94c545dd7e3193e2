"""Commands that other packages add, loaded when they are called."""

from __future__ import annotations

import click

from nascore.errors import PluginError
from nascore.tuner.plugins import COMMANDS, Plugins


def load_command(name: str) -> click.Command:
    """Import a plugin and return its command.

    Raises:
        PluginError: If it is blocked or broken; names the package and what to do.
    """
    command = Plugins(COMMANDS).load(name)
    if not isinstance(command, click.Command):
        raise PluginError(f"The plugin of the command `{name}` offers {command!r}, which is no command.")
    return command
