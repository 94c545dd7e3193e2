"""Option types: what people write on the command line, checked while it is parsed."""

from __future__ import annotations

from collections.abc import Callable

import click

from nascore.errors import NascoreError


class Parsed(click.ParamType[object]):
    """An option whose text a function parses; its error becomes one of the option."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return what the text means."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except NascoreError as error:
            raise click.BadParameter(f"{error.message}\n{error.hint}".strip(), ctx, param) from error
