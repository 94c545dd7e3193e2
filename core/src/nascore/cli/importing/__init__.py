"""``nascore import``: experiments that were written for other programs become experiment files of ours."""

from nascore.cli.importing.command import command

__all__ = ["command"]
