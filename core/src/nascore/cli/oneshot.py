"""Options of a one-shot search, and what the words of options and experiment files become.

Not here: what is then done (``nascore.experiment.chain``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import click

from nascore.cli.options import Count
from nascore.errors import SettingsError
from nascore.record import JsonValue, Mode, OneShot, Schedule, Trust

OPTIONS: Mapping[str, str] = {
    "search_epochs": "epochs",
    "warmup_epochs": "warmup_epochs",
    "derive": "derive",
    "retrain_epochs": "retrain_epochs",
    "supernets": "supernets",
    "sync_every": "sync_every",
}
"""Parameters of the command line, and what they are called in a request."""

_DEFAULT = OneShot()
_Function = TypeVar("_Function", bound=Callable[..., object])


def one_shot_options(function: _Function) -> _Function:
    """Add the options of a one-shot search; `given_one_shot` reads them."""
    schedule = _DEFAULT.schedule
    for option in reversed(
        (
            click.option(
                "--mode",
                type=click.Choice([mode.value for mode in Mode]),
                help="multi-trial: trials train networks; one-shot: they train a supernet.  [default: the tuner's]",
            ),
            _count("--search-epochs", f"One-shot: epochs of search.  [default: {schedule.epochs}]"),
            _count("--warmup-epochs", f"One-shot: epochs before it.  [default: {schedule.warmup_epochs}]", least=0),
            _count("--derive", "One-shot: networks derived from each supernet and retrained.  [default: 1]"),
            _count("--retrain-epochs", "One-shot: epochs of retraining; 0: none.  [default: the trial's own]", least=0),
            _count("--supernets", "One-shot: independent supernets; the best network wins.  [default: 1]"),
            _count("--sync-every", "With --share-weights async: weight steps between two synchronisations."),
            click.option("--no-trust", "is_untrusted", is_flag=True, help="One-shot: train no baselines."),
        )
    ):
        function = option(function)
    return function


def _count(name: str, text: str, *, least: int = 1) -> Callable[[_Function], _Function]:
    return click.option(name, type=Count(least), metavar="N", help=text)


def given_one_shot(context: click.Context) -> dict[str, JsonValue] | None:
    """Return what was said of a one-shot search on the command line; ``None`` for nothing."""
    said = {field: context.params[name] for name, field in OPTIONS.items() if context.params[name] is not None}
    if context.params["is_untrusted"]:
        said["trust"] = False
    return said or None


def one_shot_of(said: Mapping[str, JsonValue] | None, *, parallel: int) -> OneShot | None:
    """Return the one-shot search that was described; ``None`` if nothing was said of it.

    Args:
        said: What options and file say, by field.
        parallel: Workers at the same time; as many share the weights where that is asked for.

    Raises:
        SettingsError: A number is out of bounds, or is given without what it is for.
    """
    if not said:
        return None
    is_shared = bool(said.get("is_shared"))
    if "sync_every" in said and not is_shared:
        raise SettingsError("--sync-every: nothing is shared.", hint="Share it with `--share-weights async`.")
    return OneShot(
        schedule=Schedule(
            _number(said, "epochs", _DEFAULT.schedule.epochs),
            warmup_epochs=_number(said, "warmup_epochs", _DEFAULT.schedule.warmup_epochs),
        ),
        derive=_number(said, "derive", _DEFAULT.derive),
        retrain_epochs=_number(said, "retrain_epochs", 0) if "retrain_epochs" in said else None,
        supernets=_number(said, "supernets", _DEFAULT.supernets),
        workers=parallel if is_shared else 1,
        sync_every=_number(said, "sync_every", _DEFAULT.sync_every),
        trust=_trust(said),
    )


def _trust(said: Mapping[str, JsonValue]) -> Trust | None:
    if said.get("trust") is False:
        return None
    default = Trust()
    return Trust(
        max_random=_number(said, "max_random", default.max_random), sampled=_number(said, "sampled", default.sampled)
    )


def _number(said: Mapping[str, JsonValue], name: str, otherwise: int) -> int:
    value = said.get(name, otherwise)
    return value if isinstance(value, int) else otherwise
