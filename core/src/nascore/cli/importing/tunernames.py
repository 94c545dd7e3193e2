"""Which tuner of ours is meant by one of NNI's.

Nothing is chosen silently: a tuner without a counterpart is an error that names the nearest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nascore.cli.experimentfile.document import Node
from nascore.cli.experimentfile.readers import read_text
from nascore.cli.importing.notes import Notes
from nascore.cli.suggestion import did_you_mean
from nascore.cli.tunerchoice import options_of
from nascore.errors import NascoreError
from nascore.record import JsonValue
from nascore.tuner.plugins import TUNERS, Plugins

_COUNTERPARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "random": ("random",),
        "randomsearch": ("random",),
        "evolution": ("regularized-evolution", "evolution"),
        "regularizedevolution": ("regularized-evolution", "evolution"),
        "gridsearch": ("grid", "grid-search"),
        "tpe": ("tpe",),
        "anneal": ("anneal", "annealing"),
        "smac": ("smac",),
        "batchtuner": (),
        "batch": (),
        "hyperband": ("hyperband",),
        "networkmorphism": (),
        "metistuner": (),
        "metis": (),
        "bohb": ("bohb",),
        "gptuner": ("gp",),
        "gp": ("gp",),
        "ppotuner": ("ppo",),
        "ppo": ("ppo",),
        "pbttuner": (),
        "pbt": (),
        "dngotuner": (),
        "dngo": (),
    }
)
"""Names of ours for each of NNI's, in lower case."""

_NEAREST: Mapping[str, str] = MappingProxyType({"gridsearch": "random", "batchtuner": "random", "batch": "random"})
_MODES = ("optimize_mode", "optimizeMode")
_NAMES = ("name", "builtinTunerName", "builtinAdvisorName")
_OWN = ("className", "codeDirectory", "codeDir", "classFileName")
_SETTINGS = ("classArgs", "class_args")
_LEFT_OUT = MappingProxyType(
    {
        "gpuIndices": "tuners get no GPU",
        "gpuNum": "tuners get no GPU",
        "checkpointDir": "a tuner's state is in the experiment's log",
        "includeIntermediateResults": "a tuner is told everything",
    }
)


@dataclass(slots=True)
class TunerChoice:
    """The tuner that is written.

    Attributes:
        name: Its name; empty where none was named.
        settings: Its settings.
        mode: ``maximize`` or ``minimize``; empty where nothing was said.
        seed: Seed of everything random.
    """

    name: str = ""
    settings: dict[str, JsonValue] = field(default_factory=dict)
    mode: str = ""
    seed: int | None = None


def read_tuner(node: Node, chosen: str | None, notes: Notes) -> TunerChoice:
    """The tuner of a file, or the one that was chosen in its place."""
    if not isinstance(node.value, dict):
        return TunerChoice(_name_of(node, chosen, notes))
    for key, member in node.value.items():
        if key in _LEFT_OUT:
            notes.leave_out(member, node.key_lines[key], _LEFT_OUT[key])
        elif key not in (*_NAMES, *_OWN, *_SETTINGS):
            known = (*_NAMES, *_OWN, *_SETTINGS, *_LEFT_OUT)
            notes.wrong(node, node.key_lines[key], f"Unknown key `{key}` in {node.path}.", did_you_mean(key, known))
    named = next((node.value[name] for name in _NAMES if name in node.value), None)
    if named is None:
        own = next((node.value[name] for name in _OWN if name in node.value), node)
        return _with_settings(TunerChoice(_own_tuner(own, chosen, notes)), node, notes)
    return _with_settings(TunerChoice(_name_of(named, chosen, notes)), node, notes)


def _own_tuner(node: Node, chosen: str | None, notes: Notes) -> str:
    if chosen is not None:
        notes.leave_out(node, node.line, f"--tuner {chosen} takes its place")
        return chosen
    hint = "Choose one with `--tuner NAME`; a tuner of your own is written as docs/writing-a-tuner.md shows."
    notes.wrong(node, node.line, f"{node.path}: a tuner that was written for NNI does not run here.", hint)
    return ""


def _name_of(node: Node, chosen: str | None, notes: Notes) -> str:
    if chosen is not None:
        notes.leave_out(node, node.line, f"--tuner {chosen} takes its place")
        return chosen
    name = read_text(node)
    installed = Plugins(TUNERS).names()
    wanted = _COUNTERPARTS.get(name.lower())
    if wanted is None:
        question = did_you_mean(name, _COUNTERPARTS) or "Choose one with `--tuner NAME`."
        notes.wrong(node, node.line, f"{node.path}: NNI has no tuner `{name}`.", question)
        return ""
    for counterpart in wanted:
        if counterpart in installed:
            return counterpart
    preferred = _NEAREST.get(name.lower(), "regularized-evolution")
    nearest = preferred if preferred in installed else next(iter(installed), "random")
    hint = f"The nearest is {nearest}: give `--tuner {nearest}`. `nascore tuners` lists all that are installed."
    notes.wrong(node, node.line, f"{node.path}: no installed tuner is a counterpart of NNI's {name}.", hint)
    return ""


def _with_settings(choice: TunerChoice, node: Node, notes: Notes) -> TunerChoice:
    assert isinstance(node.value, dict)
    given = next((node.value[name] for name in _SETTINGS if name in node.value), None)
    if given is None or not isinstance(given.value, dict):
        return choice
    known = _settings_of(choice.name)
    for key, value in given.value.items():
        if key in _MODES:
            choice.mode = str(value.value)
            if choice.mode not in ("maximize", "minimize"):
                hint = "Write `maximize` or `minimize`."
                notes.wrong(value, value.line, f"{value.path}: `{choice.mode}` is no direction.", hint)
        elif key == "seed" and isinstance(value.value, int):
            choice.seed = value.value
        elif key in known:
            choice.settings[key] = value.plain()
        else:
            notes.leave_out(value, given.key_lines[key], f"the tuner {choice.name or '(none)'} has no such setting")
    if "sample_size" in known and isinstance(size := choice.settings.get("population_size"), int):
        # NNI's evolution has no sample; ours must be smaller than the population.
        sample = max(1, size // 4)
        if choice.settings.setdefault("sample_size", sample) == sample:
            notes.steps.append(f"NNI's evolution has no sample_size; {sample} is written, a quarter of the population.")
    return choice


def _settings_of(tuner: str) -> frozenset[str]:
    try:
        return frozenset(option.name for option in options_of(tuner)) if tuner else frozenset()
    except NascoreError:
        return frozenset()  # reported when the file is used, with all that can be said of it
