"""The options that every verb has which begins a search, and the request that they make up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from nascore.cli.duration import parse_duration
from nascore.cli.oneshot import given_one_shot, one_shot_options
from nascore.cli.options import Count, Parsed
from nascore.cli.request import RunRequest, parse_objective
from nascore.cli.sharing import share_option
from nascore.cli.tunerlimits import given_tuner_limits, tuner_limit_options
from nascore.cli.tunerverb import given_settings, insecure_option, settings_option
from nascore.record import Mode

_Function = TypeVar("_Function", bound=Callable[..., object])


def search_options(function: _Function) -> _Function:
    """Add the options of a search; `given_search` reads them, but for ``sharing``, which is about the whole request."""
    for option in reversed(
        (
            click.option(
                "--tuner",
                metavar="NAME",
                help="Installed tuner, exec:COMMAND or grpc://HOST:PORT.  [default: random]",
            ),
            settings_option,
            insecure_option,
            click.option("--trials", type=Count(), metavar="N", help="The search ends after so many trials."),
            click.option(
                "--duration",
                type=Parsed("duration", parse_duration),
                help="It ends after this running time: 90s, 1h30m.",
            ),
            click.option(
                "--target", "goal", type=float, metavar="VALUE", help="It ends when the first objective reaches this."
            ),
            click.option(
                "--objective",
                "objectives",
                multiple=True,
                type=Parsed("metric[:max|min]", parse_objective),
                help="What is optimised; may be repeated.  [default: accuracy:max]",
            ),
            click.option("--seed", type=Count(0), metavar="N", help="Seed of everything random."),
            click.option("--name", help="Name of the experiment."),
            share_option,
            one_shot_options,
            tuner_limit_options(),
        )
    ):
        function = option(function)
    return function


def given_search(context: click.Context) -> RunRequest:
    """Return what was said of the search on the command line."""
    said = context.params
    return RunRequest(
        name=said["name"],
        trials=said["trials"],
        duration_s=said["duration"],
        target=said["goal"],
        tuner=said["tuner"],
        settings=given_settings(context, said["settings"]),
        objectives=said["objectives"] or None,
        seed=said["seed"],
        is_tuner_insecure=said["is_tuner_insecure"] or None,
        mode=None if said["mode"] is None else Mode(said["mode"]),
        one_shot=given_one_shot(context),
        tuner_limits=given_tuner_limits(context),
    )
