"""What a tuner may take: the options of the command line, and the words for what was said.

Not here: the limits themselves (``nascore.record.TunerLimits``), and what is done to a tuner above them
(``nascore.tuner``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import click

from nascore.cli.duration import format_duration, parse_duration
from nascore.cli.limits import parse_bytes
from nascore.cli.options import Parsed
from nascore.errors import SettingsError
from nascore.record import TunerLimits

_Function = TypeVar("_Function", bound=Callable[..., object])


def parse_timeout(text: str) -> float:
    """Return the seconds that a tuner's answer may take, from ``10s`` or ``5m``.

    Raises:
        SettingsError: It is no duration, or longer than a week.
    """
    timeout_s = parse_duration(text)
    TunerLimits(timeout_s=timeout_s)
    return timeout_s


def parse_memory(text: str) -> int:
    """Return the bytes that a tuner may hold, from ``8GiB`` or ``512MB``.

    Raises:
        SettingsError: It is no amount of memory, or less than any tuner needs.
    """
    memory_bytes = parse_bytes(text)
    TunerLimits(memory_bytes=memory_bytes)
    return memory_bytes


def parse_deaths(text: str) -> int:
    """Return how often a tuner may die on the same question, from ``3``.

    Raises:
        SettingsError: It is no whole number from 1 to 10.
    """
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise SettingsError(f"`{text}` is no number of deaths.", hint="Write a whole number from 1 to 10.")
    deaths = int(text)
    TunerLimits(deaths=deaths)
    return deaths


def tuner_limit_options(default: str = "") -> Callable[[_Function], _Function]:
    """Return what adds the options for a tuner's limits; `given_tuner_limits` reads them.

    Args:
        default: What holds where nothing is said; those of a new search if not given.
    """
    timeout, memory, deaths = [default] * 3 if default else ["60s", "4GiB", "5"]
    options = (
        click.option(
            "--tuner-timeout",
            type=Parsed("duration", parse_timeout),
            help=f"Longest that the tuner may take for an answer before it is started again.  [default: {timeout}]",
        ),
        click.option(
            "--tuner-memory",
            type=Parsed("size", parse_memory),
            help=f"Most memory of the tuner's process, such as 8GiB.  [default: {memory}]",
        ),
        click.option(
            "--tuner-deaths",
            type=Parsed("1..10", parse_deaths),
            help="Deaths of the tuner on the same question before it is given up and the search ends.  "
            f"[default: {deaths}]",
        ),
    )

    def add(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def given_tuner_limits(context: click.Context) -> TunerLimits:
    """Return what was said of a tuner's limits on the command line."""
    said = context.params
    return TunerLimits(said["tuner_timeout"], said["tuner_memory"], said["tuner_deaths"])


def tuner_limits_text(limits: TunerLimits) -> str:
    """Return what was said of a tuner's limits, for people; empty for nothing."""
    said = []
    if limits.timeout_s is not None:
        said.append(f"{format_duration(limits.timeout_s)} for an answer")
    if limits.memory_bytes is not None:
        said.append(f"{limits.memory_bytes / 2**20:,.0f} MiB")
    if limits.deaths is not None:
        said.append(f"given up after {limits.deaths} {'death' if limits.deaths == 1 else 'deaths'}")
    return ", ".join(said)
