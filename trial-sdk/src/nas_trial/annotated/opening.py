"""The first line of compiled code: it opens the program, and turns a script into a worker where a search runs it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from nascore.errors import SettingsError, UnsupportedError

from nas_trial import nni
from nas_trial.annotated.program import PROGRAMS, Program
from nas_trial.nni import reports
from nas_trial.nni.script import ScriptTrial
from nas_trial.nni.scriptworker import work
from nas_trial.space_file import write_text


def program(file: str, space_file: str) -> Program:
    """Open the program of a file that uses ``nas_trial`` itself, and so says itself where its trials come from.

    Args:
        file: The file.
        space_file: The search space, seen from the folder of the file.

    Raises:
        NotFoundError: The search space is not where it was compiled to.
    """
    return PROGRAMS.open(Path(file).parent / space_file)


def script(name: str, file: str, space_file: str) -> Program:
    """Open the program of a file; if it is the one that is run, and a search runs it, this process becomes a worker.

    The worker runs the script once for each trial, each time in a process of its own, so this call does not return.

    Args:
        name: ``__name__`` of the file.
        file: The file.
        space_file: The search space, seen from the folder of the file.

    Raises:
        NotFoundError: The search space is not where it was compiled to.
        SettingsError: The environment asks for something unknown, or is not complete.
        UnsupportedError: It asks to export a network, of which a script has none.
    """
    opened = program(file, space_file)
    if name != "__main__" or reports.RUN.current is not None:
        return opened
    task = os.environ.get("NASCORE_TASK", "")
    if task == "space":
        write_text(opened.space.to_json(), os.environ)
        raise SystemExit(0)
    if task == "export":
        raise UnsupportedError(
            "A script has no network that could be written out.",
            hint="`nascore export last --best -o best.json`, then `nascore compile SRC --architecture best.json`.",
        )
    if task:
        raise SettingsError(f"NASCORE_TASK is {task!r}; it must be space or export.")
    if os.environ.get("NASCORE_SERVER"):
        raise SystemExit(work(ScriptTrial(Path(file), tuple(sys.argv[1:])), opened.space, os.environ))
    if importlib.util.find_spec("nni") is None:
        sys.modules["nni"] = nni
    return opened
