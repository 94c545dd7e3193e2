"""What an experiment demands of the cost of networks: figures to be reported, and limits that none may exceed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from nascore.errors import SettingsError

FIGURES = ("params", "macs", "activation_bytes", "latency_ms")
"""Names of the figures as metrics, those that cost least to find first."""

MAX = "NASCORE_MAX"
PROFILE = "NASCORE_PROFILE"


@dataclass(frozen=True, slots=True)
class Demands:
    """Figures that are reported, and limits.

    Attributes:
        maxima: The most that a figure may be, by name.
        reported: Figures that are reported with the metrics of a trial.

    Raises:
        SettingsError: There is no such figure, or a limit is no number above zero.
    """

    maxima: Mapping[str, float] = field(default_factory=dict)
    reported: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.maxima, *self.reported):
            if name not in FIGURES:
                raise SettingsError(f"There is no figure {name!r}.", hint=f"There are {', '.join(FIGURES)}.")
        for name, limit in self.maxima.items():
            if not (math.isfinite(limit) and limit > 0):
                raise SettingsError(f"The limit of {name} is {limit}; give a number above zero.")

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read what the launcher sets: ``NASCORE_MAX=params=3000000,latency_ms=5`` and ``NASCORE_PROFILE=macs``.

        Raises:
            SettingsError: One is not valid; it is named.
        """
        pairs = (part.partition("=") for part in _parts(environ, MAX))
        maxima = {name: _number(text) for name, _, text in pairs}
        return cls(maxima, _parts(environ, PROFILE))

    def wanted(self, objectives: Collection[str]) -> tuple[str, ...]:
        """The figures that are needed, those that cost least first."""
        return tuple(name for name in FIGURES if name in self.maxima or name in self.reported or name in objectives)


def _parts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = environ.get(name, "")
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"{MAX} has {text!r} where a number belongs.", hint=f"Write {MAX}=params=3000000."
        ) from None
