"""What a user lets a tuner take: time for an answer, memory, and deaths until it is given up.

Not here: the limits of a tuner's host that follow from it, and their defaults (``nascore.tuner.limits``).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from nascore.errors import SettingsError

LEAST_MEMORY = 16 * 2**20
MOST_TIMEOUT_S = 7 * 86400.0
MOST_DEATHS = 10
"""Five failed questions in a row end a search whatever is said here, and each question is put twice."""


@dataclass(frozen=True, slots=True)
class TunerLimits:
    """What a tuner may take; ``None`` where nothing was said.

    Attributes:
        timeout_s: Most seconds for an answer; what takes longer counts as hanging, and is ended. At most a week.
        memory_bytes: Most resident memory of its process and their children together, in bytes; 16 MiB or more.
        deaths: Deaths on the same question before it is given up, 1 to 10.

    Raises:
        SettingsError: If one is out of bounds.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None
    deaths: int | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None:
            _check_timeout(self.timeout_s)
        if self.memory_bytes is not None:
            _check_memory(self.memory_bytes)
        if self.deaths is not None:
            _check_deaths(self.deaths)

    def overridden_by(self, other: TunerLimits) -> TunerLimits:
        """Return these limits with all that ``other`` says in their place."""
        said = {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in said.items() if value is not None})


def _check_timeout(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_TIMEOUT_S:
        raise SettingsError(
            f"The tuner's timeout, {value!r:.60} s, is not above 0 and at most a week.",
            hint="Give the longest that one answer may take; 60 s where nothing is said.",
        )


def _check_memory(value: object) -> None:
    if type(value) is not int or value < LEAST_MEMORY:
        raise SettingsError(
            f"The tuner's memory, {value!r:.60} bytes, is not a whole number from 16 MiB ({LEAST_MEMORY} bytes) on.",
            hint="No tuner runs in less; 4 GiB where nothing is said.",
        )


def _check_deaths(value: object) -> None:
    if type(value) is not int or not 1 <= value <= MOST_DEATHS:
        raise SettingsError(
            f"The tuner's deaths, {value!r:.60}, are not a whole number from 1 to {MOST_DEATHS}.",
            hint="With 1 it is given up when it dies for the first time; 5 where nothing is said.",
        )
