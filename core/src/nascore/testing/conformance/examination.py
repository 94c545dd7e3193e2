"""An examination: settings, seed, which checks in which ways, and how long a call is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nascore.errors import InvalidInputError
from nascore.record import JsonValue
from nascore.testing.conformance.check import CHECKS
from nascore.testing.conformance.subject import Way
from nascore.tuner.limits import HostLimits


@dataclass(frozen=True, slots=True)
class Examination:
    """How a tuner is examined.

    Attributes:
        settings: Settings of the tuner.
        seed: Seed of every experiment; another one examines with other questions.
        is_quick: Whether to look at less of everything.
        only: Names of the checks to run; empty for all.
        skipped: Checks to leave out, each with the reason.
        timeout_s: Seconds after which a call counts as hanging.
        ways: How to speak to it, as far as it can be spoken to so.
        insecure: Allow ``grpc://`` to another machine without TLS.

    Raises:
        InvalidInputError: There is no such check, or a reason is missing.
    """

    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    seed: int = 1
    is_quick: bool = False
    only: Sequence[str] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    ways: Sequence[Way] = tuple(Way)
    insecure: bool = False

    def __post_init__(self) -> None:
        known = [check.name for check in CHECKS]
        for name in (*self.only, *self.skipped):
            if name not in known:
                raise InvalidInputError(f"There is no check {name!r}.", hint=f"The checks are {', '.join(known)}.")
        for name, reason in self.skipped.items():
            if not reason.strip():
                raise InvalidInputError(
                    f"The check {name!r} cannot be left out without a reason.", hint=f"Write {name}=REASON."
                )

    @property
    def limits(self) -> HostLimits:
        """Deadlines of the calls."""
        wait = self.timeout_s
        return HostLimits(
            start_timeout_s=wait,
            open_timeout_s=wait,
            ask_timeout_s=wait,
            tell_timeout_s=wait,
            replay_timeout_s=wait,
            stop_grace_s=min(5.0, wait),
        )
