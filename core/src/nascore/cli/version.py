"""``--version``: the versions that matter in a report about a problem."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., object])


def version_option(function: _Function) -> _Function:
    """Add ``--version``."""
    return click.option(
        "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show, help="Show the version and exit."
    )(function)


def _show(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"nascore {version('nascore')} (Python {platform.python_version()}, {platform.system()})")
        context.exit()
