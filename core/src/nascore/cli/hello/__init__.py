"""``nascore hello``: an example project, and what to type next; ``digits`` holds its files as data."""

from nascore.cli.hello.command import command

__all__ = ["command"]
