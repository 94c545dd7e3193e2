"""Finding plugins by their metadata, and loading one when its name is needed.

Listing imports nothing. Loading imports one module, in a plugin manager of its own, so that a plugin that cannot be
imported, speaks another version of the contract or misspells a hook harms nobody else: it has a `PluginStatus` with
reason and remedy.

Not here: what the hooks are (``hooks``), and what happens in loading (``loading``). A loaded plugin runs with the
rights of this process.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

from nascore.errors import NotFoundError, PluginError
from nascore.tuner.contract import Settings, Tuner
from nascore.tuner.loading import (
    COMMANDS,
    EXPORTERS,
    LAUNCHERS,
    TUNERS,
    Offer,
    PluginState,
    Refusal,
    is_tuner,
    normalised,
    offered_value,
)

__all__ = [
    "COMMANDS",
    "EXPORTERS",
    "LAUNCHERS",
    "LIMIT_VARIABLE",
    "TUNERS",
    "PluginState",
    "PluginStatus",
    "Plugins",
    "load_tuner",
    "package_of",
]

LIMIT_VARIABLE = "NASCORE_PLUGINS"
"""Environment variable with the only plugins to use: names or distributions, by commas; unset for all."""

_log = logging.getLogger(__name__)
_KNOWN_PACKAGES = {
    name: package
    for package, names in {
        "nas-darts": ("darts", "directgrad", "drnas", "gdas", "pc-darts", "proxyless", "snas"),
        "nas-enas": ("enas", "ppo", "reinforce"),
        "nas-evolution": ("evolution", "morphism", "regularized-evolution"),
        "nas-optuna": ("cmaes", "gp", "nsgaii", "tpe"),
        "nas-random": ("random",),
    }.items()
    for name in names
}


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """One thing that an installed distribution offers, and whether it can be used.

    Attributes:
        name: Key of the entry point.
        distribution: Name of the installed distribution.
        version: Its version.
        state: Whether it can be used.
        reason: Why not, in one sentence; empty if it can.
        remedy: What to do about it; empty if it can.
        value: What the hook returned under the name; ``None`` unless the state is ok.
    """

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    remedy: str = ""
    value: object | None = None


class Plugins:
    """The plugins of one group; metadata is read once, when it is made. Not thread-safe.

    Args:
        group: ``nascore.tuners``, ``nascore.commands``, ``nascore.exporters`` or ``nascore.launchers``.
        environ: Environment to read ``NASCORE_PLUGINS`` from; that of the process by default.
    """

    def __init__(self, group: str, *, environ: Mapping[str, str] | None = None) -> None:
        self._group = group
        self._offers = tuple(sorted(_offers(group), key=lambda offer: (offer.entry.name, offer.distribution)))
        self._limit = _limit((os.environ if environ is None else environ).get(LIMIT_VARIABLE))
        self._statuses: dict[Offer, PluginStatus] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names of what is installed and not blocked, sorted; imports nothing."""
        return tuple(sorted({offer.entry.name for offer in self._offers if not self._is_blocked(offer)}))

    def load(self, name: str) -> object:
        """Return what a plugin offers under ``name``.

        Raises:
            NotFoundError: If nothing of that name is installed.
            PluginError: If it is blocked, broken, or offered by two distributions.
        """
        return self.find(name).value

    def require(self, name: str) -> None:
        """Make sure that ``name`` is installed once and not blocked; imports nothing. Errors as in `load`."""
        self._require(name)

    def find(self, name: str) -> PluginStatus:
        """Return the status of what can be used under ``name``; errors as in `load`."""
        status = self._status(self._require(name))
        if status.state is not PluginState.OK:
            raise _unusable(status)
        return status

    def _require(self, name: str) -> Offer:
        offers = [offer for offer in self._offers if offer.entry.name == name]
        if not offers:
            raise self._not_found(name)
        usable = [offer for offer in offers if not self._is_blocked(offer)]
        if len(usable) > 1:
            listing = ", ".join(offer.distribution for offer in usable)
            raise PluginError(
                f"{name!r} is offered by several distributions: {listing}.",
                hint=f"Uninstall all but one, or set {LIMIT_VARIABLE} to the distributions to use.",
            )
        if not usable:
            raise _unusable(self._status(offers[0]))
        return usable[0]

    def status(self) -> tuple[PluginStatus, ...]:
        """Return the status of everything installed in the group, by name; imports what is not blocked."""
        return tuple(self._status(offer) for offer in self._offers)

    def _status(self, offer: Offer) -> PluginStatus:
        if offer not in self._statuses:
            self._statuses[offer] = self._examine(offer)
        return self._statuses[offer]

    def _examine(self, offer: Offer) -> PluginStatus:
        facts = (offer.entry.name, offer.distribution, offer.version)
        try:
            if self._is_blocked(offer):
                remedy = f"Add {offer.entry.name} to {LIMIT_VARIABLE}, or unset it."
                raise Refusal(PluginState.BLOCKED, f"{LIMIT_VARIABLE} does not name it.", remedy)
            value = offered_value(offer, self._group)
        except Refusal as refusal:
            return PluginStatus(*facts, refusal.state, refusal.reason, refusal.remedy)
        return PluginStatus(*facts, PluginState.OK, value=value)

    def _is_blocked(self, offer: Offer) -> bool:
        return self._limit is not None and not (self._limit & offer.names)

    def _not_found(self, name: str) -> NotFoundError:
        what = self._group.removeprefix("nascore.").removesuffix("s")
        close = difflib.get_close_matches(name, self.names(), n=1)
        package = package_of(name) or "PACKAGE"
        guess = f"Did you mean {close[0]!r}? " if close else ""
        install = f"Install it with `pip install {package}`; installed: {', '.join(self.names()) or 'none'}."
        return NotFoundError(f"No {what} {name!r} is installed.", hint=guess + install)


def _unusable(status: PluginStatus) -> PluginError:
    label = f"{status.name} ({status.distribution} {status.version})"
    return PluginError(f"Plugin {label} cannot be used: {status.reason}", hint=status.remedy)


def load_tuner(name: str, *, environ: Mapping[str, str] | None = None) -> tuple[type[Tuner[Settings]], str]:
    """Return the installed tuner ``name`` and the version of its distribution; errors as in `Plugins.load`."""
    status = Plugins(TUNERS, environ=environ).find(name)
    found = status.value
    if not is_tuner(found):
        raise PluginError(f"Plugin {name} ({status.distribution} {status.version}) offers no tuner, but {found!r}.")
    return found, status.version  # type: ignore[return-value]  # narrowed by is_tuner


def _offers(group: str) -> Iterator[Offer]:
    """Yield the entry points of a group; a distribution with damaged metadata is passed over, and harms no other."""
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            if group not in (distribution.read_text("entry_points.txt") or ""):
                continue
            name, version = distribution.metadata["Name"] or "unknown", distribution.version or "unknown"
            entries = [entry for entry in distribution.entry_points if entry.group == group]
        except Exception as error:  # metadata is text from anywhere
            _log.warning("Passed over a distribution with damaged metadata: %s", error)
            continue
        # The first on the path is the one that Python imports.
        if normalised(name) not in seen:
            seen.add(normalised(name))
            yield from (Offer(entry, name, version) for entry in entries)


def package_of(tuner: str) -> str:
    """Return the package of ours that brings a tuner of this name; empty where none does."""
    return _KNOWN_PACKAGES.get(tuner, "")


def _limit(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(normalised(part) for part in text.split(",") if part.strip())
