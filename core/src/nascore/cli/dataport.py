"""``--data-port``: where weights come in and go out beside gRPC, as an option and as it is remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

OFF = "off"
_LARGEST = 65_535

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


class DataPort(click.ParamType[str]):
    """A port, or `off`."""

    name = "data-port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, checked."""
        text = str(value)
        if text == OFF or (text.isascii() and text.isdigit() and int(text) <= _LARGEST):
            return text
        raise click.BadParameter(f"`{text:.40}` is neither a port (0 to {_LARGEST}) nor `{OFF}`.", ctx, param)


def data_port_option(function: FunctionT) -> FunctionT:
    """Add ``--data-port``."""
    return click.option(
        "--data-port",
        type=DataPort(),
        default="0",
        metavar="PORT",
        help=f"Port for many bytes of weights beside HOST:PORT; 0: a free one, `{OFF}`: none.  [default: 0]",
    )(function)


def data_port_of(text: str) -> int | None:
    """Return the port that a text stands for; ``None`` for none at all."""
    return None if text == OFF else int(text or 0)
