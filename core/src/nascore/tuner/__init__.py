"""Tuners: the contract a strategy fulfils, the plugins that bring it, and the sessions through which it is called.

What needs gRPC is imported when it is first asked for, so that plugins and the command line start without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nascore.record import Derived
from nascore.tuner.contract import (
    PLUGIN_API,
    Determinism,
    Mode,
    NoProposal,
    Schedule,
    Settings,
    Setup,
    Tuner,
)
from nascore.tuner.hooks import Exporter, ExportRequest, hookimpl, hookspec
from nascore.tuner.limits import HostLimits
from nascore.tuner.local import LocalSession
from nascore.tuner.plugins import Plugins, PluginState, PluginStatus, load_tuner
from nascore.tuner.session import Answer, AskStatus, Description, TunerSession, no_history
from nascore.tuner.settings import SettingsOption, options_of_schema, settings_options, validate

if TYPE_CHECKING:
    from nascore.tuner.address import connect
    from nascore.tuner.remote import RemoteTuner

__all__ = [
    "PLUGIN_API",
    "Answer",
    "AskStatus",
    "Derived",
    "Description",
    "Determinism",
    "ExportRequest",
    "Exporter",
    "HostLimits",
    "LocalSession",
    "Mode",
    "NoProposal",
    "PluginState",
    "PluginStatus",
    "Plugins",
    "RemoteTuner",
    "Schedule",
    "Settings",
    "SettingsOption",
    "Setup",
    "Tuner",
    "TunerSession",
    "connect",
    "hookimpl",
    "hookspec",
    "load_tuner",
    "no_history",
    "options_of_schema",
    "settings_options",
    "validate",
]

_LATE = {"RemoteTuner": "nascore.tuner.remote", "connect": "nascore.tuner.address"}


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
