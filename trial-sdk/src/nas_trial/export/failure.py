"""What cannot be exported, and how it is said: which part, at which line of the user's file, what to change."""

from __future__ import annotations

from nascore.errors import UnsupportedError


class ExportError(UnsupportedError):
    """A network, or a part of the trial file, has no stand-alone source; the place and the remedy are named."""

    reason = "CANNOT_EXPORT"
