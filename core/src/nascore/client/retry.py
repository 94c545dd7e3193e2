"""When a failed call is tried again: exponential back-off with full jitter, within a stated patience.

Not here: what is tried again; that is every read, and every mutation, since those carry a request id.
Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter").
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BASE_S = 0.05
CAP_S = 2.0


def jittered_delays(rng: random.Random) -> Iterator[float]:
    """Yield seconds to wait before each further try: uniform between 0 and a ceiling that doubles up to 2 s."""
    ceiling = BASE_S
    while True:
        yield rng.uniform(0.0, ceiling)
        ceiling = min(CAP_S, ceiling * 2)


@dataclass(slots=True)
class Patience:
    """The time and the waits that are left for one call; made anew for each call.

    Attributes:
        clock: Monotonic seconds.
        ends_at: When patience is over, on that clock.
        delays: Seconds to wait before each further try.
    """

    clock: Callable[[], float]
    ends_at: float
    delays: Iterator[float]

    def left_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self.ends_at - self.clock())

    def next_delay(self) -> float | None:
        """Return how long to wait before the next try; ``None`` once patience is over."""
        left = self.left_s()
        return min(next(self.delays), left) if left > 0 else None
