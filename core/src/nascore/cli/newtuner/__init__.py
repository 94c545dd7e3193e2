"""``nascore tuners new``: a plugin package that passes its own tests; ``package`` holds its files as data."""

from nascore.cli.newtuner.command import command

__all__ = ["command"]
