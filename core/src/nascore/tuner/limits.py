"""How much a tuner may take: memory, time and patience."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from nascore.errors import SettingsError
from nascore.record import TunerLimits

_REPLAY_ANSWERS = 5
"""Answers whose time a batch of Replay may take, at least."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Limits of a supervised tuner.

    Attributes:
        memory_bytes: Most resident memory of its process and their children together (4 GiB).
        start_timeout_s: Seconds from start to handshake.
        open_timeout_s: Seconds for Describe, Open, Snapshot and Close.
        ask_timeout_s: Seconds for Ask, Review and Derive.
        tell_timeout_s: Seconds for Tell.
        replay_timeout_s: Seconds for each batch of Replay.
        backoff_s: Seconds before the first restart; doubled with every further one, until a call succeeds.
        max_backoff_s: Most seconds before a restart.
        max_deaths: Deaths on the same event before it is quarantined.
        stop_grace_s: Seconds from SIGTERM to SIGKILL.
        watch_interval_s: Seconds between looks at its memory.

    Raises:
        SettingsError: If a limit is not above 0 and finite.
    """

    memory_bytes: int = 4 * 1024**3
    start_timeout_s: float = 60.0
    open_timeout_s: float = 60.0
    ask_timeout_s: float = 60.0
    tell_timeout_s: float = 60.0
    replay_timeout_s: float = 300.0
    backoff_s: float = 0.1
    max_backoff_s: float = 10.0
    max_deaths: int = 5
    stop_grace_s: float = 5.0
    watch_interval_s: float = 0.5

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(f"{limit.name}: {value} is not above 0 and finite.")

    @classmethod
    def allowing(cls, said: TunerLimits) -> HostLimits:
        """Return the limits that follow from what a user said; where nothing was said, the defaults.

        What is longer by nature, such as opening and replaying, gets more time with a longer answer, never less.
        """
        limits = cls()
        if (timeout_s := said.timeout_s) is not None:
            limits = replace(
                limits,
                ask_timeout_s=timeout_s,
                tell_timeout_s=timeout_s,
                open_timeout_s=max(limits.open_timeout_s, timeout_s),
                replay_timeout_s=max(limits.replay_timeout_s, _REPLAY_ANSWERS * timeout_s),
            )
        return replace(
            limits,
            memory_bytes=limits.memory_bytes if said.memory_bytes is None else said.memory_bytes,
            max_deaths=limits.max_deaths if said.deaths is None else said.deaths,
        )
