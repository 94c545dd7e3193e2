"""Option types: what people write on the command line, checked while it is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from nascore.cli.screen import say
from nascore.cli.source import DATABASE_VARIABLE
from nascore.errors import NascoreError
from nascore.journal import Location, PostgresUrl, parse_location

_Function = TypeVar("_Function", bound=Callable[..., object])


class Count(click.ParamType[int]):
    """A whole number with a smallest value.

    Args:
        least: The smallest value.
    """

    name = "n"

    def __init__(self, least: int = 1) -> None:
        self._least = least

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        try:
            number = int(str(value))
        except ValueError:
            raise click.BadParameter(f"`{value}` is not a whole number.", ctx, param) from None
        if number < self._least:
            raise click.BadParameter(f"{number} is too small; the smallest is {self._least}.", ctx, param)
        return number


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


def database_option(function: _Function) -> _Function:
    """Add ``--database``: where the log is kept."""
    return click.option(
        "--database",
        type=Parsed("file.db|postgresql://…", parse_location),
        envvar=DATABASE_VARIABLE,
        callback=_warn_of_password,
        help="Where the log is kept: a file, or a PostgreSQL database.  [default: in the experiment's folder]",
    )(function)


def _warn_of_password(_context: click.Context, _parameter: click.Parameter, value: Location | None) -> Location | None:
    if isinstance(value, PostgresUrl) and value.secrets:
        say("The password of the database is not kept: give it again to resume and to read, or once in ~/.pgpass.")
    return value
