"""``UnmixableError``: a decision cannot be mixed."""

from __future__ import annotations

from nascore.errors import UnsupportedError


class UnmixableError(UnsupportedError):
    """The candidates of a decision cannot be computed at once and added up.

    Args:
        path: Path of the decision.
        why: Why not, as the end of a sentence that begins with "it cannot be mixed:".

    Attributes:
        path: As given.
        why: As given.
    """

    reason = "UNMIXABLE"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"The decision {path!r} cannot be mixed: {why}.",
            hint="Name it in the mixture's fixed decisions, or use a tuner that samples architectures.",
        )
        self.path = path
        self.why = why
