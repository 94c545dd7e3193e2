"""An architecture as people have it: one flat dictionary, or NNI's blocks of layers and answers."""

from __future__ import annotations

from nascore.errors import ArchitectureError
from nascore.nni import NniSpace, architecture_of, read_architecture
from nascore.space import Architecture, SearchSpace
from nascore.space.strictjson import read_json


def read_chosen(text: str, nni: NniSpace, space: SearchSpace) -> Architecture:
    """Read an architecture.

    Args:
        text: JSON.
        nni: The space as NNI has it.
        space: The same space.

    Raises:
        ArchitectureError: It is none, or it does not belong to the space; everything is listed.
    """
    document = read_json(text, error=ArchitectureError)
    if isinstance(document, dict) and any(isinstance(value, dict) for value in document.values()):
        return architecture_of(read_architecture(text), nni)
    return space.architecture(Architecture.from_json(text))
