"""Where a space is read from: a trial file, a space file of ours or of NNI's, or the hub.

What needs torch runs in a process of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from nascore.errors import NotFoundError, SpaceError
from nascore.nni import NniSpace, is_nni_space, read_space, search_space_of
from nascore.space import SearchSpace

from nas_trial_plugin.process import missing_output, run_module, run_trial_file

HUB = "hub:"


@dataclass(frozen=True, slots=True)
class Source:
    """A space that was read.

    Attributes:
        space: The space.
        nni: What NNI's file says, where it was one.
        hub: What the hub says of it, where it is one of the hub's.
    """

    space: SearchSpace
    nni: NniSpace | None = None
    hub: Mapping[str, object] = field(default_factory=dict)


def read_source(text: str, *, lenient: bool = False) -> Source:
    """Reads a space from ``TRIAL.PY``, ``FILE.json`` or ``hub:NAME``.

    Args:
        text: What to read.
        lenient: Read NNI's files as NNI did.

    Raises:
        NotFoundError: There is no such file.
        SpaceError: It is not a valid space; every fault is listed with its place.
        TrialFileError: The trial file raised an exception, or the hub has no such space.
    """
    if text.startswith(HUB):
        facts = hub_facts(text)
        return Source(SearchSpace.from_json(json.dumps(facts["space"])), hub=facts)
    path = Path(text)
    return _read_file(path, lenient=lenient) if path.suffix.lower() == ".json" else Source(space_of_trial(path))


def hub_facts(text: str) -> dict[str, object]:
    """What the hub says of a space, or of all for ``hub:`` alone."""
    return cast(dict[str, object], json.loads(run_module("nas_trial.hub.description", text)))


def space_of_trial(trial_file: Path) -> SearchSpace:
    """The search space of a trial file, which is run in a process of its own.

    Raises:
        NotFoundError: There is no such file.
        TrialFileError: The file raised an exception, or does not call ``nas.run``; file and line are named.
    """
    with tempfile.TemporaryDirectory(prefix="nascore-space-") as folder:
        output = Path(folder) / "space.json"
        run_trial_file(trial_file, {"NASCORE_TASK": "space", "NASCORE_OUTPUT": str(output)})
        if not output.exists():
            raise missing_output(trial_file)
        return SearchSpace.from_json(output.read_text(encoding="utf-8"))


def read_text(path: Path) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    Raises:
        NotFoundError: There is no such file.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", hint="Give a trial file, a space file, or hub:NAME.")
    return path.read_bytes()


def _read_file(path: Path, *, lenient: bool) -> Source:
    text = read_text(path)
    try:
        if not is_nni_space(text):
            return Source(SearchSpace.from_json(text.decode("utf-8", "replace")))
        nni = read_space(text, lenient=lenient)
        return Source(search_space_of(nni), nni)
    except SpaceError as error:
        raise SpaceError(f"{path}: {error.message}", hint=error.hint, violations=error.violations) from error
