"""What a trial tries, as NNI's ``get_next_parameter`` gives it: values by key, nested choices with their ``_name``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nascore.errors import InvalidInputError
from nascore.nni import Dialect, chosen_of, nni_space_of, write_architecture
from nascore.space import SearchSpace, Value


def parameters_of(space: SearchSpace, architecture: Mapping[str, Value]) -> dict[str, object]:
    """Return an architecture as a script gets it; a space that NNI could not express gives its values by path."""
    try:
        text = write_architecture(chosen_of(architecture, nni_space_of(space, Dialect.FLAT)))
    except InvalidInputError:
        return dict(space.values(architecture))
    parameters: dict[str, object] = json.loads(text)
    return parameters
