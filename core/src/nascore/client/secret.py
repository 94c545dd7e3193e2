"""A text that must not be shown: what prints, logs or traces it shows that there is one, and nothing of it.

Not here: where secrets come from (``nascore.client.token``). It keeps honest code from telling by accident; whoever can
run code in this process can read it.
"""

from __future__ import annotations

import hmac
from typing import Never, final

_SHOWN = "Secret(hidden)"


@final
class Secret:
    """A secret text. ``reveal`` is the only way to it, so that each place that needs it can be found.

    Args:
        text: The secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; never for a message or a log."""
        return self._text

    def __repr__(self) -> str:
        return _SHOWN

    def __format__(self, specification: str) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> Never:
        raise TypeError("A secret is not written down by accident; use reveal().")
