"""The catalogue: every command by name, with its summary, loaded only when it is called.

Commands of other packages come through the entry-point group ``nascore.commands``: their names are read from metadata,
the module is imported only when its command is called. So no slow or broken plugin touches ``nascore --help``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType

import click
from rich_click import RichCommand

COMMAND_GROUP = "nascore.commands"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue: the section of the help it stands in, its module, and its summary."""

    section: str
    module: str
    summary: str


SEARCH, LOOK, STEER, TAKE, MORE = "Search", "Look", "Steer", "Take away", "More commands"
SECTIONS = (SEARCH, LOOK, STEER, TAKE, MORE)

BUILT_IN: Mapping[str, Entry] = MappingProxyType(
    {
        "hello": Entry(SEARCH, "nascore.cli.hello.command", "Write a runnable example project."),
        "run": Entry(SEARCH, "nascore.cli.run", "Search on this machine."),
        "resume": Entry(SEARCH, "nascore.cli.resume", "Go on with a search that was paused, stopped or killed."),
        "import": Entry(SEARCH, "nascore.cli.importing", "Take over an experiment that was written for NNI."),
        "serve": Entry(SEARCH, "nascore.cli.serve", "Serve a search to workers anywhere."),
        "ls": Entry(LOOK, "nascore.cli.ls", "List experiments, newest first."),
        "show": Entry(LOOK, "nascore.cli.show", "Show one experiment: settings, state, best."),
        "trials": Entry(LOOK, "nascore.cli.trials", "List the trials of an experiment."),
        "best": Entry(LOOK, "nascore.cli.best", "Show the best trials, or the Pareto front."),
        "logs": Entry(LOOK, "nascore.cli.logs", "Print what a trial or a worker wrote."),
        "tuners": Entry(LOOK, "nascore.cli.tuners", "List installed tuners and their settings."),
        "check-tuner": Entry(LOOK, "nascore.cli.checktuner", "Check whether a tuner keeps the contract."),
        "pause": Entry(STEER, "nascore.cli.pause", "Begin no new trials; running ones go on."),
        "stop": Entry(STEER, "nascore.cli.stop", "End an experiment; it may be resumed."),
        "token": Entry(STEER, "nascore.cli.token", "Make, list and revoke tokens of a server."),
        "weights": Entry(TAKE, "nascore.cli.weights", "Look at checkpoints, take them out, care for them, serve them."),
        "export": Entry(TAKE, "nascore.cli.export", "Write the best architecture, all trials, or model code."),
    }
)

PACKAGES: Mapping[str, str] = MappingProxyType({"katib": "nas-katib", "space": "nas-trial"})
"""Commands that packages of this project add, and which package that is."""

_SUMMARIES: Mapping[str, str] = MappingProxyType(
    {
        "compile": "Compile annotated code into a trial and its search space.",
        "katib": "Serve a tuner to Kubeflow Katib.",
        "space": "Show or convert a search space: of a trial's code, of a file, of the hub.",
    }
)


class LazyCommand(RichCommand):
    """Stands for a command in the help, and becomes the real one when it is called."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name=name, help=entry.summary, add_help_option=False)
        self._entry = entry

    def load(self) -> click.Command:
        """Import and return the real command."""
        command = import_module(self._entry.module).command
        assert isinstance(command, click.Command)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Hand over to the real command."""
        return self.load().make_context(info_name, args, parent, **extra)


class PluginCommand(LazyCommand):
    """A command that another package adds; a failure to load it names the package and what to do."""

    def __init__(self, name: str, package: str) -> None:
        super().__init__(name, Entry(MORE, "", _SUMMARIES.get(name, f"From the package {package}.")))

    def load(self) -> click.Command:
        """Import the plugin and return its command.

        Raises:
            PluginError: If it cannot be imported, or does not hold this command.
        """
        # By name, because loading plugins pulls in pluggy and the floor of the tuners: `--help` must not wait for it.
        command = import_module("nascore.cli.plugincommand").load_command(str(self.name))
        assert isinstance(command, click.Command)
        return command


def plugin_packages() -> dict[str, str]:
    """Return command name -> package for the commands that other packages add, from metadata alone."""
    found = {}
    for point in entry_points(group=COMMAND_GROUP):
        if point.name not in BUILT_IN:
            found[point.name] = point.dist.name if point.dist is not None else "an unknown package"
    return found
