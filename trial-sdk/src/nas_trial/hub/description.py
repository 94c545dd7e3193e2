"""A program that describes a space of the hub as JSON, for the command line, which imports no torch itself.

``python -m nas_trial.hub.description hub:darts?layers=8`` writes one dictionary to standard output: what it is, its
published members, and the space as a space file has it. ``hub:`` alone lists all spaces.
"""

from __future__ import annotations

import json
import sys

from nas_trial.extract import extract
from nas_trial.hub.catalogue import get, names
from nas_trial.hub.entry import HubSpace
from nas_trial.hub.members import model
from nas_trial.hub.reference import SCHEME, parse


def described(text: str) -> dict[str, object]:
    """What is said of a space of the hub, or of all.

    Raises:
        SettingsError: The text names no space, or an option that its model does not have.
        UnknownSpaceError: There is no such space; says what it may have been.
    """
    if text == SCHEME:
        return {"spaces": {name: get(name).title for name in names()}}
    reference = parse(text)
    space = reference.space
    factory = model(space.name, classes=reference.classes, channels=reference.channels, **reference.options)
    return _facts(space) | {"space": json.loads(extract(factory).to_json())}


def _facts(space: HubSpace) -> dict[str, object]:
    return {
        "name": space.name,
        "title": space.title,
        "source": space.source,
        "input_shape": list(space.input_shape),
        "classes": space.classes,
        "options": dict(space.options),
        "size": None if space.size is None else str(space.size),
        "known": {
            name: {"source": known.source, "parameters": known.parameters, "macs": known.macs}
            for name, known in space.known.items()
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(described(sys.argv[1])))
