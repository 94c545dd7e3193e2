"""What the heartbeat's thread says to the supervisor of a running trial: stop, drop it, save it.

Not here: when it is said (``heartbeat``), and how it is obeyed (``supervisor``).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass


@dataclass(slots=True)
class Orders:
    """The orders for one trial; each is written before the supervisor is woken through a pipe.

    Attributes:
        wake: The pipe's end that wakes the supervisor.
        stop_reason: Why the trial shall end; empty while it need not.
        lost_reason: Why it is another worker's now; empty while it is not.
        wants_saving: Whether it shall save its state.
        kill_at: When a trial that was told to stop is ended by force, on the monotonic clock.
    """

    wake: int
    stop_reason: str = ""
    lost_reason: str = ""
    wants_saving: bool = False
    kill_at: float = math.inf

    def stop(self, reason: str) -> None:
        """Have the trial end; what it reported counts."""
        self.stop_reason = reason
        os.write(self.wake, b"s")

    def lose(self, reason: str) -> None:
        """Have the trial dropped."""
        self.lost_reason = reason
        os.write(self.wake, b"l")

    def save(self) -> None:
        """Have the trial's state saved."""
        self.wants_saving = True
        os.write(self.wake, b"c")
