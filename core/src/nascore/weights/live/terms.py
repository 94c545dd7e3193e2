"""What a live table does with an update: the rule, and what becomes of one that comes late.

*Lag* is how many updates the table has taken since the version that an update was computed from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from nascore.errors import InvalidInputError


class Rule(Enum):
    """What an update does to a tensor."""

    SUM = "sum"
    """Adds it: it is a delta."""
    EMA = "ema"
    """Moves towards it: table += rate × (pushed − table), elastic averaging."""
    ASSIGN = "assign"
    """Replaces it."""


class Late(Enum):
    """What becomes of an update whose lag is above the limit."""

    DROP = "drop"
    """It is thrown away."""
    SCALE = "scale"
    """SUM and EMA are multiplied by (max_lag + 1) / (lag + 1); there is no part of an ASSIGN, which is left out."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a table is updated; all who open it agree on it.

    Attributes:
        rule: For tensors of which an update does not say otherwise.
        rate: For EMA, in (0, 1].
        max_lag: Largest lag at which an update counts in full; ``None`` for any.
        late: What becomes of others.

    Raises:
        InvalidInputError: A number is out of range, or late parts of an ASSIGN are asked for.
    """

    rule: Rule = Rule.SUM
    rate: float = 1.0
    max_lag: int | None = None
    late: Late = Late.DROP

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and 0 < self.rate <= 1):
            raise InvalidInputError(f"rate: {self.rate} is not above 0 and at most 1.")
        if self.max_lag is not None and not 0 <= self.max_lag < 2**63:
            raise InvalidInputError(f"max_lag: {self.max_lag} is no number of versions.")
        if self.rule is Rule.ASSIGN and self.late is Late.SCALE:
            raise InvalidInputError(
                "late: a tensor that is replaced cannot be replaced in part.", hint="Use DROP with the rule ASSIGN."
            )

    def scale(self, lag: int) -> float:
        """Return what an update of this lag is multiplied by: 1 in time, 0 if it is dropped."""
        if self.max_lag is None or lag <= self.max_lag:
            return 1.0
        return 0.0 if self.late is Late.DROP else (self.max_lag + 1) / (lag + 1)
