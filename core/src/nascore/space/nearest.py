"""What was meant: known words that are near a wrong one, for messages.

Comparing words costs far more than reading them, and a stranger may send as many as he likes; so only short words are
compared, with a few hundred known ones, and only for the first few that are wrong. Not here: the command line's own
suggestions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

MAX_COMPARED = 500
MAX_LENGTH = 120
MAX_HINTS = 5
_SHOWN = 3


def nearest(word: str, known: Iterable[str], *, n: int = _SHOWN) -> list[str]:
    """Return up to ``n`` known words that are near ``word``, the nearest first; of long words none."""
    if len(word) > MAX_LENGTH:
        return []
    compared = [each for each in islice(known, MAX_COMPARED) if len(each) <= MAX_LENGTH]
    return difflib.get_close_matches(word, compared, n=n)


class Nearest:
    """Suggests known words, up to `MAX_HINTS` times."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = known
        self._left = MAX_HINTS

    def hint(self, word: str) -> str:
        """Return ``"; did you mean 'this' or 'that'?"``, or nothing."""
        if self._left <= 0:
            return ""
        self._left -= 1
        close = nearest(word, self._known)
        return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
