"""The command of a trial of NNI's as one of ours: scripts with ``import nni`` run unedited under ``nas_trial.nni``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nascore.cli.importing.fields import COMMAND
from nascore.record import JsonValue

_SHELL = frozenset("|&;<>$`*?~")
_PYTHONS = ("python", "python3")


@dataclass(frozen=True, slots=True)
class Ported:
    """A command of ours.

    Attributes:
        keys: What the experiment file says.
        steps: What is to be done or known besides.
    """

    keys: Mapping[str, JsonValue]
    steps: tuple[str, ...] = ()


def ported(text: str, words: tuple[str, ...], *, folder: Path, is_annotated: bool) -> Ported:
    """What becomes of a command.

    Args:
        text: The command as it is written; NNI gave it to a shell.
        words: Its words.
        folder: Where it is run.
        is_annotated: Whether its script has annotations, which have to be compiled.
    """
    if _SHELL & set(text):
        step = f"`{text}` needs a shell; where it runs Python, add `-m nas_trial.nni`."
        return Ported({COMMAND: ["sh", "-c", text]}, (step,))
    script = next((word for word in words if word.endswith(".py")), "")
    if is_annotated and script:
        build = folder / "build"
        step = f"The trial is annotated: compile it first, `nascore compile {folder / script} -o {build}`."
        return Ported({"trialFile": str(build / script)}, (step,))
    if words[0] in _PYTHONS and script and words[1] == script:
        return Ported({COMMAND: shlex.join([words[0], "-m", "nas_trial.nni", *words[1:]])})
    return Ported({COMMAND: text})
