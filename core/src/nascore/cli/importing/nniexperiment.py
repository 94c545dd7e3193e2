"""Reading an experiment file of NNI's, version 1 or 2, as what our own experiment file says.

Not here: which fields there are (``fields``), tuners (``tunernames``), and writing (``writing``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nascore.cli.experimentfile import readers
from nascore.cli.experimentfile.document import Node, read_document
from nascore.cli.failure import InputFileError
from nascore.cli.importing import fields
from nascore.cli.importing.notes import LeftOut, Notes
from nascore.cli.importing.trialcommand import ported
from nascore.cli.importing.tunernames import TunerChoice, read_tuner
from nascore.cli.suggestion import did_you_mean
from nascore.errors import SettingsError, SpaceError
from nascore.nni import NniSpace, read_space
from nascore.record import JsonValue

_GROUPS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = MappingProxyType(
    {
        fields.TRIAL: (fields.TRIAL_CARRIED, fields.TRIAL_LEFT_OUT),
        fields.LOCAL: (fields.MACHINE_CARRIED, fields.MACHINE_LEFT_OUT),
        fields.TRAINING_SERVICE: (fields.MACHINE_CARRIED, fields.MACHINE_LEFT_OUT),
    }
)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an experiment file of NNI's says, in our words.

    Attributes:
        keys: Keys and values of our experiment file, in order; paths are absolute.
        space: Its search space; ``None`` if it is in the code.
        left_out: What is not carried over.
        steps: What is to be done before the search.
    """

    keys: Mapping[str, JsonValue]
    space: NniSpace | None
    left_out: tuple[LeftOut, ...]
    steps: tuple[str, ...]


def read_nni_experiment(path: Path, *, tuner: str | None = None, lenient: bool = False) -> Imported:
    """Reads an experiment file.

    Args:
        path: The file.
        tuner: A tuner of ours that takes the place of the file's own.
        lenient: Read the search space as NNI did.

    Raises:
        SettingsError: It is not valid; every mistake is listed with its line.
        SpaceError: Its search space is not valid; every mistake is listed with its line.
    """
    root = read_document(path)
    notes = Notes()
    reader = _Reader(_meanings(root, notes), notes)
    choice = reader.tuner(tuner)
    keys = reader.keys(choice)
    space = reader.space(lenient=lenient)
    notes.raise_if_any()
    return Imported(keys, space, tuple(sorted(notes.left_out, key=lambda each: each.line)), tuple(notes.steps))


def _meanings(root: Node, notes: Notes) -> dict[str, Node]:
    """The fields of a file by what they mean; those of groups stand beside the others."""
    if not isinstance(root.value, dict):
        raise root.error("The file is not a group of keys.", hint="Is it the experiment file of NNI?")
    found: dict[str, Node] = {}
    for name, node in root.value.items():
        meaning = fields.CARRIED.get(name)
        line = root.key_lines[name]
        if meaning is not None and meaning in _GROUPS:
            _read_group(node, *_GROUPS[meaning], found=found, notes=notes)
        elif meaning is not None:
            _keep(found, meaning, node, line, notes)
        elif name in fields.LEFT_OUT:
            notes.leave_out(node, line, fields.LEFT_OUT[name])
        else:
            hint = did_you_mean(name, [*fields.CARRIED, *fields.LEFT_OUT]) or "Is it a field of NNI? Remove it."
            notes.wrong(node, line, f"NNI has no field `{name}`.", hint)
    return found


def _read_group(
    node: Node, carried: Mapping[str, str], left_out: Mapping[str, str], *, found: dict[str, Node], notes: Notes
) -> None:
    if not isinstance(node.value, dict):
        notes.wrong(node, node.line, f"{node.path}: wanted a group of keys.", f"Its keys are {', '.join(carried)}.")
        return
    # What belongs to a service that is not this machine is nobody's mistake here.
    platform = node.value.get("platform")
    is_elsewhere = platform is not None and platform.value != "local"
    for name, member in node.value.items():
        line = node.key_lines[name]
        if name in carried:
            _keep(found, carried[name], member, line, notes)
        elif name in left_out or is_elsewhere:
            notes.leave_out(member, line, left_out.get(name, "trials run on this machine"))
        else:
            hint = did_you_mean(name, [*carried, *left_out]) or f"Its keys are {', '.join([*carried, *left_out])}."
            notes.wrong(member, line, f"NNI has no field `{name}` in {node.path}.", hint)


def _keep(found: dict[str, Node], meaning: str, node: Node, line: int, notes: Notes) -> None:
    if meaning in found:
        notes.wrong(node, line, f"`{node.path}` says again what `{found[meaning].path}` says.", "Keep one of them.")
    found.setdefault(meaning, node)


class _Reader:
    """Reads fields by their meanings, and gathers what is wrong with them."""

    def __init__(self, found: dict[str, Node], notes: Notes) -> None:
        self._found = found
        self._notes = notes

    def tuner(self, chosen: str | None) -> TunerChoice:
        node = self._found.get(fields.TUNER) or self._found.get(fields.ADVISOR)
        if node is not None:
            found = self._read(node, lambda each: read_tuner(each, chosen, self._notes))
            return found if isinstance(found, TunerChoice) else TunerChoice()
        if chosen is None:
            self._notes.steps.append("The file names no tuner, so `random` is used, unless you give `--tuner NAME`.")
        return TunerChoice(chosen or "")

    def keys(self, choice: TunerChoice) -> dict[str, JsonValue]:
        keys: dict[str, JsonValue] = {}
        for meaning, reader in _PLAIN.items():
            node = self._found.get(meaning)
            if node is not None and self._read(node, reader) is not None:
                keys[meaning] = node.plain()
        self._command(keys)
        self._gpus(keys)
        if choice.name:
            keys["tuner"] = {"name": choice.name, "classArgs": choice.settings} if choice.settings else choice.name
        if choice.seed is not None:
            keys["seed"] = choice.seed
        keys["objective"] = {"metric": "default", "direction": choice.mode or "maximize"}
        self._platform()
        return keys

    def space(self, *, lenient: bool) -> NniSpace | None:
        node, inline = self._found.get(fields.SPACE_FILE), self._found.get(fields.SPACE)
        if node is not None and inline is not None:
            self._notes.wrong(
                inline, inline.line, "Both searchSpace and searchSpaceFile are given.", "Keep one of them."
            )
        if node is None and inline is None:
            if not self._is_annotated():
                self._notes.steps.append("The file names no search space, so the code of the trial must define it.")
            return None
        try:
            if inline is not None:
                return read_space(json.dumps(inline.plain(), indent=1), lenient=lenient)
            assert node is not None
            path = self._read(node, readers.read_path)
            return read_space(path.read_bytes(), lenient=lenient) if isinstance(path, Path) else None
        except (OSError, SpaceError) as error:
            raise _located(error, node, inline) from error

    def _command(self, keys: dict[str, JsonValue]) -> None:
        node = self._found.get(fields.COMMAND)
        folder = self._found.get(fields.FOLDER)
        place = self._read(folder, readers.read_path) if folder is not None else None
        if isinstance(place, Path):
            keys[fields.FOLDER] = str(place)
        text = self._read(node, readers.read_text) if node is not None else None
        if node is None or not isinstance(text, str):
            self._missing_command(node)
            return
        words = self._read(node, readers.read_command)
        if not isinstance(words, tuple):
            return
        home = place if isinstance(place, Path) else node.source.path.parent.resolve()
        command = ported(text, words, folder=home, is_annotated=self._is_annotated())
        keys.update(command.keys)
        self._notes.steps.extend(command.steps)

    def _missing_command(self, node: Node | None) -> None:
        if node is None and not self._notes.faults:
            raise SettingsError(
                "The file names no command of a trial.", hint="Write `trialCommand`, or `command` in `trial`."
            )

    def _is_annotated(self) -> bool:
        node = self._found.get(fields.ANNOTATION)
        return node is not None and node.value is True

    def _gpus(self, keys: dict[str, JsonValue]) -> None:
        number, indices = self._found.get(fields.GPU_NUMBER), self._found.get(fields.GPUS)
        if indices is not None:
            if (gpus := self._read(indices, readers.read_gpus)) is not None:
                keys["gpus"] = ",".join(gpus) if isinstance(gpus, tuple) else None
        elif number is not None and number.value == 0:
            keys["gpus"] = "none"
        if number is not None and isinstance(number.value, int) and number.value > 1:
            self._notes.leave_out(number, number.line, "a worker has one GPU; name them with `gpus: [0, 1]`")

    def _platform(self) -> None:
        node = self._found.get(fields.PLATFORM)
        if node is not None and node.value != "local":
            reason = f"trials run on this machine and not by {node.value}; `nascore serve` takes workers from anywhere"
            self._notes.leave_out(node, node.line, reason)

    def _read(self, node: Node, reader: Callable[[Node], object]) -> object:
        """What a reader makes of a field; ``None``, and a note, if it refuses."""
        try:
            return reader(node)
        except InputFileError as error:
            self._notes.faults.append(error)
            return None


_PLAIN: Mapping[str, Callable[[Node], object]] = MappingProxyType(
    {
        fields.NAME: readers.read_text,
        fields.PARALLEL: readers.read_count,
        fields.TRIALS: readers.read_count,
        fields.DURATION: readers.read_duration,
    }
)
"""Fields whose values are taken as they are, in the order in which they are written."""


def _located(error: OSError | SpaceError, node: Node | None, inline: Node | None) -> Exception:
    """The same error with the file that it is about."""
    if isinstance(error, OSError):
        assert node is not None
        return node.error(f"{node.path}: {error.strerror}.")
    place = inline or node
    assert place is not None
    where = f"{place.source.path}:{place.line + 1}" if node is None else os.fspath(str(node.value))
    return SpaceError(f"{where}: {error.message}", hint=error.hint, violations=error.violations)
