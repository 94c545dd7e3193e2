"""A verb: the command class of every ``nascore`` command, with the options that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
from rich_click import RichCommand

DEBUG_KEY = "nascore.debug"
HOME_KEY = "nascore.home"
_Function = TypeVar("_Function", bound=Callable[..., object])


class Verb(RichCommand):
    """A command with ``--debug``; its help knows the house style."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own signature is checked by click.command
        self.params.append(debug_option())


def debug_option() -> click.Option:
    """Return the option ``--debug``; it shows the traceback of an error."""
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_remember_debug, help="Show tracebacks of errors."
    )


def _remember_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[DEBUG_KEY] = True


def json_option(function: _Function) -> _Function:
    """Add ``--json``: the same as data."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(function)


def experiment_argument(function: _Function) -> _Function:
    """Add the argument ID: id, unique beginning of one, name, or ``last``."""
    return click.argument("experiment", metavar="[ID]", default="last", required=False)(function)


def quiet_option(function: _Function) -> _Function:
    """Add ``-q``: no progress."""
    return click.option("-q", "--quiet", "is_quiet", is_flag=True, help="No progress, only the result.")(function)
