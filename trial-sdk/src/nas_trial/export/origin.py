"""Where code comes from: the user, whose code is copied, or the SDK, which a generated file must do without.

Models of the hub count as the user's: they are written with the SDK, like any model, and are not a part of it. So do
branches and the reader of weights, which are written with torch alone.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

_SDK = frozenset({"nas_trial", "nascore"})
_AS_USERS = ("nas_trial.hub", "nas_trial.layers.branch", "nas_trial.export.weights_file")
_ROOT = Path(__file__).resolve().parent.parent
_PLACES_AS_USERS = frozenset({_ROOT / "hub", _ROOT / "layers" / "branch.py", _ROOT / "export" / "weights_file.py"})


def is_sdk(module: str) -> bool:
    """Whether a module, by its name, belongs to the SDK."""
    return module.partition(".")[0] in _SDK and not any(f"{module}.".startswith(f"{each}.") for each in _AS_USERS)


def is_local(filename: str) -> bool:
    """Whether a file is the user's own, and not one of an installed package or of Python itself."""
    path = Path(filename).resolve()
    if not _PLACES_AS_USERS.isdisjoint((path, *path.parents)):
        return True
    roots = {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(root in path.parents for root in roots)
