"""The kill loop: processes of named roles are killed or stopped at random moments, and must come back in time.

Everything random is drawn from one generator, so a seed repeats the order of the victims and the pauses (the moments
themselves are the system's). Not here: deaths at named places in the code (``nascore.failpoints``), and what must hold
afterwards (``nascore.testing.checker``).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import psutil

from nascore.errors import DeadlineError, InvalidInputError

_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Role:
    """What kind of process a victim is.

    Attributes:
        name: For the tally.
        find: Returns the living processes of the role by process id.
        revive: Called once one was killed; starts it again, if nothing else does.
        is_back: Whether all is well again after the death of that process.
        weight: How often it is chosen, relative to others.
        stops: Share of strikes that only stop it for a while (SIGSTOP, SIGCONT) instead of killing it.
        stop_s: Shortest and longest such stop, seconds.
    """

    name: str
    find: Callable[[], Sequence[int]]
    revive: Callable[[int], None] = lambda pid: None
    is_back: Callable[[int], bool] = lambda pid: True
    weight: float = 1.0
    stops: float = 0.0
    stop_s: tuple[float, float] = (0.05, 0.5)


@dataclass(slots=True)
class Tally:
    """What a kill loop did.

    Attributes:
        kills: Processes killed, by role.
        stops: Processes stopped and let go on, by role.
        recoveries: Seconds from each kill until all was well again, by role.
    """

    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=dict)


class KillLoop:
    """Kills processes of given roles at random moments.

    Args:
        roles: Whom to kill.
        rng: Decides whom, when and how.
        pause_s: Shortest and longest pause before each strike, seconds.
        patience_s: Longest wait for a victim to be there, and for all to be well after a kill.

    Raises:
        InvalidInputError: Without roles, or with a pause that is no interval.
    """

    def __init__(
        self, roles: Iterable[Role], *, rng: random.Random, pause_s: tuple[float, float], patience_s: float = 30.0
    ) -> None:
        self.tally = Tally()
        self._roles = tuple(roles)
        self._rng, self._pause_s, self._patience_s = rng, pause_s, patience_s
        if not self._roles:
            raise InvalidInputError("roles: there is nobody to kill.")
        if not 0 <= pause_s[0] <= pause_s[1]:
            raise InvalidInputError(f"pause_s: {pause_s} is no interval from 0 on.")

    def run(self, kills: int, *, on_kill: Callable[[int], None] = lambda done: None) -> Tally:
        """Kill until ``kills`` processes have died; stops do not count.

        Raises:
            DeadlineError: A victim was not there in time, or things were not well in time; the role is named.
        """
        done = 0
        while done < kills:
            time.sleep(self._rng.uniform(*self._pause_s))
            role = self._rng.choices(self._roles, [role.weight for role in self._roles])[0]
            if self._rng.random() < role.stops:
                self._stop(role)
            else:
                self._kill(role)
                done += 1
                on_kill(done)
        return self.tally

    def _kill(self, role: Role) -> None:
        struck, begun = self._strike(role, signal.SIGKILL)
        self.tally.kills[role.name] += 1
        role.revive(struck)
        self._await(lambda: role.is_back(struck), f"not all is well after {role.name} (process {struck}) was killed")
        self.tally.recoveries.setdefault(role.name, []).append(time.monotonic() - begun)

    def _stop(self, role: Role) -> None:
        struck, _ = self._strike(role, signal.SIGSTOP)
        self.tally.stops[role.name] += 1
        try:
            time.sleep(self._rng.uniform(*role.stop_s))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(struck, signal.SIGCONT)

    def _strike(self, role: Role, what: signal.Signals) -> tuple[int, float]:
        """Send a signal to a process of the role; returns its id and when that was."""
        struck: list[int] = []

        def strike() -> bool:
            found = sorted(role.find())
            if found:
                victim = self._rng.choice(found)
                with contextlib.suppress(ProcessLookupError):  # It ended by itself just now.
                    os.kill(victim, what)
                    struck.append(victim)
            return bool(struck)

        self._await(strike, f"there is no {role.name} to strike")
        return struck[0], time.monotonic()

    def _await(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience_s
        while not is_so():
            if time.monotonic() > deadline:
                raise DeadlineError(f"After {self._patience_s:g} s {what}.")
            time.sleep(_POLL_S)


def descendants(pid: int, *, mark: str) -> tuple[int, ...]:
    """Return the living processes below one whose command line contains ``mark``."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return ()
    return tuple(process.pid for process in family if _is_marked(process, mark))


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        is_alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return is_alive and any(mark in word for word in process.cmdline())
    except psutil.Error:
        return False
