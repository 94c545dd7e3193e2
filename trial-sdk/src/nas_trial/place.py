"""Where in the user's code something was written, for error messages: ``net.py:12``."""

from __future__ import annotations

import sys
from pathlib import PurePath
from types import FrameType

_OURS = frozenset({"nas_trial", "torch", "contextlib"})


def is_called_by_torch() -> bool:
    """Whether the innermost caller outside of this package is torch itself."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _package(frame) == "nas_trial":
        frame = frame.f_back
    return _package(frame) == "torch"


def caller() -> str:
    """File and line of the innermost caller outside of this package and torch."""
    # sys._getframe: inspect.stack() reads source files, which is far too slow for every choice of a large model.
    frame = sys._getframe(1)
    while frame.f_back is not None and _package(frame) in _OURS:
        frame = frame.f_back
    return f"{PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
