"""The command line: ``nascore``, one module per command, loaded only when it is called."""

from nascore.cli.program import main

__all__ = ["main"]
