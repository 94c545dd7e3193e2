"""``--share-weights``: what trials take over of each other's weights.

Not here: how it is done (``nascore.weights``), and which trial inherits from which, which is the tuner's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

import click

from nascore.cli.request import RunRequest
from nascore.cli.tunerchoice import DEFAULT_TUNER, is_address, options_of
from nascore.errors import SettingsError, UnsupportedError

INHERIT_SETTING = "inherit_weights"
"""The setting of a tuner that proposes a parent's weights to begin with; who has one can share weights."""

_Function = TypeVar("_Function", bound=Callable[..., object])


class Sharing(StrEnum):
    """What is taken over."""

    INHERIT = "inherit"
    """A trial begins with the weights of its parent."""
    ASYNC = "async"
    """Workers train one copy of a supernet together."""


def share_option(function: _Function) -> _Function:
    """Add ``--share-weights``."""
    return click.option(
        "--share-weights",
        "sharing",
        type=click.Choice([item.value for item in Sharing]),
        help="inherit: a trial begins with its parent's weights, where the tuner knows parents; async: all workers "
        "train one supernet together.",
    )(function)


def with_sharing(request: RunRequest, sharing: str | None) -> RunRequest:
    """Return the request with the tuner's settings for sharing; ``None`` leaves it as it is.

    Raises:
        NotFoundError: There is no such tuner.
        UnsupportedError: The tuner has no such setting.
        SettingsError: The setting is given as well, and says otherwise.
    """
    if sharing is None:
        return request
    if sharing == Sharing.ASYNC:
        return replace(request, one_shot={**(request.one_shot or {}), "is_shared": True})
    tuner = request.tuner or DEFAULT_TUNER
    settings = request.settings or {}
    if is_address(tuner):
        raise UnsupportedError(
            f"--share-weights {sharing}: what settings the tuner {tuner} has is not known before it is begun.",
            hint=f"If it has one for this, set it: --set {INHERIT_SETTING}=true.",
        )
    if all(option.name != INHERIT_SETTING for option in options_of(tuner)):
        raise UnsupportedError(
            f"--share-weights {sharing}: the tuner `{tuner}` proposes no parent to inherit from.",
            hint="Take one that does, for example --tuner evolution; or let trials begin from scratch.",
        )
    if settings.get(INHERIT_SETTING, True) is not True:
        raise SettingsError(
            f"--share-weights {sharing} and {INHERIT_SETTING}={settings[INHERIT_SETTING]} contradict each other.",
            hint="Keep one of the two.",
        )
    return replace(request, settings={**settings, INHERIT_SETTING: True})
