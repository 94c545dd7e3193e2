"""Making an input smaller while it still fails: what is left shows the defect, and can be kept as a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import AnyStr

_TRIES = 400
_SECONDS = 5.0


def minimised(text: AnyStr, fails: Callable[[AnyStr], bool]) -> AnyStr:
    """Return a part of ``text`` that still fails; the text itself if it does not fail again.

    Args:
        text: What failed.
        fails: Whether a text fails in the same way.
    """
    tries, end = 0, time.monotonic() + _SECONDS
    size = len(text) // 2
    while size > 0:
        place = 0
        while place < len(text):
            if tries >= _TRIES or time.monotonic() > end:
                return text
            shorter = text[:place] + text[place + size :]
            tries += 1
            if fails(shorter):
                text = shorter
            else:
                place += size
        size //= 2
    return text
