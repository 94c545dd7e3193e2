"""Loading one plugin: its module is imported, checked against the contract, and asked for what it promises.

Whatever goes wrong becomes a `Refusal` with reason and remedy. Not here: which plugins there are (``plugins``).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from types import ModuleType

import click
import pluggy

from nascore.tuner import hooks
from nascore.tuner.contract import PLUGIN_API, Tuner

TUNERS = "nascore.tuners"
COMMANDS = "nascore.commands"
EXPORTERS = "nascore.exporters"
LAUNCHERS = "nascore.launchers"


class PluginState(StrEnum):
    """Whether a plugin can be used."""

    OK = "ok"
    BLOCKED = "blocked"
    IMPORT_ERROR = "import error"
    WRONG_API = "wrong API"


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry point and where it comes from."""

    entry: metadata.EntryPoint
    distribution: str
    version: str

    @property
    def names(self) -> frozenset[str]:
        """By what it can be named in a limit."""
        return frozenset({normalised(self.entry.name), normalised(self.distribution)})


class Refusal(Exception):
    """Why an offer cannot be used; becomes its status."""

    def __init__(self, state: PluginState, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.state, self.reason, self.remedy = state, reason, remedy


def normalised(name: str) -> str:
    """Return a name as package managers compare it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def offered_value(offer: Offer, group: str) -> object:
    """Return what a plugin offers, or raise a `Refusal`."""
    module = _imported(offer)
    _check_api(module, offer)
    hook = group.replace(".", "_")
    offered = _call_hook(_registered(module, offer), hook, offer)
    name = offer.entry.name
    if name not in offered:
        keys = ", ".join(map(str, offered)) or "nothing"
        raise _wrong_api(offer, f"{hook}() returns {keys}, but the entry point promises {name!r}.")
    value = offered[name]
    wanted = _WANTED[group]
    if not wanted[0](value):
        raise _wrong_api(offer, f"{hook}()[{name!r}] is {value!r}, not {wanted[1]}.")
    return value


def _imported(offer: Offer) -> ModuleType:
    upgrade = f"Reinstall or update it: `pip install --upgrade {offer.distribution}`."
    if not re.fullmatch(r"[\w.]+", offer.entry.value):
        raise _wrong_api(offer, f"The entry point must name a module, not {offer.entry.value!r}.")
    try:
        return importlib.import_module(offer.entry.value)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        reason = f"Importing {offer.entry.value} failed: {error}."
        raise Refusal(PluginState.IMPORT_ERROR, reason, f"Install module {error.name}. {upgrade}") from error
    except BaseException as error:  # a plugin may do anything at import, SystemExit included
        reason = f"Importing {offer.entry.value} raised {_named(error)}."
        raise Refusal(PluginState.IMPORT_ERROR, reason, upgrade) from error


def _check_api(module: ModuleType, offer: Offer) -> None:
    declared = getattr(module, "NASCORE_PLUGIN_API", None)
    if declared == PLUGIN_API:
        return
    if declared is None:
        raise _wrong_api(offer, f"{module.__name__} does not declare NASCORE_PLUGIN_API = {PLUGIN_API}.")
    raise _wrong_api(offer, f"{module.__name__} speaks plugin API {declared!r}; this nascore speaks {PLUGIN_API}.")


def _registered(module: ModuleType, offer: Offer) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(sorted(name for name in dir(hooks) if name.startswith("nascore_")))
        raise _wrong_api(offer, f"{error}. The hooks are {known}.".replace("\n", " ")) from error
    return manager


def _call_hook(manager: pluggy.PluginManager, hook: str, offer: Offer) -> Mapping[object, object]:
    try:
        results: list[object] = getattr(manager.hook, hook)()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # imports inside the hook may do anything
        reason, remedy = f"{hook}() raised {_named(error)}.", f"Report it to the authors of {offer.distribution}."
        raise Refusal(PluginState.IMPORT_ERROR, reason, remedy) from error
    if not results:
        raise _wrong_api(offer, f"{offer.entry.value} has no function {hook} marked with hookimpl.")
    if not isinstance(results[0], Mapping):
        raise _wrong_api(offer, f"{hook}() must return a mapping by name, not {results[0]!r}.")
    return results[0]


def _wrong_api(offer: Offer, reason: str) -> Refusal:
    remedy = f"Install a version of {offer.distribution} for plugin API {PLUGIN_API}, or update nascore."
    return Refusal(PluginState.WRONG_API, reason, remedy)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().rstrip(":.").replace("\n", " ")


def is_tuner(value: object) -> bool:
    """Whether a value is the class of a tuner."""
    return isinstance(value, type) and issubclass(value, Tuner)


_WANTED = {
    TUNERS: (is_tuner, "a subclass of nascore.tuner.Tuner"),
    COMMANDS: (lambda value: isinstance(value, click.Command), "a click command"),
    EXPORTERS: (callable, "a function"),
    LAUNCHERS: (lambda value: isinstance(value, type), "a class"),
}
