"""The gauge of a soak: memory and descriptors of processes, noted again and again while trials end.

Not here: what is made of it (``trend``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

HOUR_OF_TRIALS = 100
"""Trials that stand for an hour: eight workers whose trials take five minutes each end about as many."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process.

    Attributes:
        role: What kind of process it is.
        pid: Its process id.
        ended: Trials that had ended by then.
        memory_bytes: Its resident memory.
        descriptors: What it has open.
    """

    role: str
    pid: int
    ended: int
    memory_bytes: int
    descriptors: int


class Gauge:
    """Notes how processes stand.

    Attributes:
        samples: What was noted, in its order.
    """

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def look(self, ended: int, processes: Mapping[str, Sequence[int]]) -> None:
        """Note the living processes of each role; one that is just ending is left out."""
        for role, pids in processes.items():
            for pid in pids:
                try:
                    process = psutil.Process(pid)
                    with process.oneshot():
                        sample = Sample(role, pid, ended, process.memory_info().rss, process.num_fds())
                except psutil.Error:
                    continue
                if sample.memory_bytes:  # A process that has ended and was not waited for has none.
                    self.samples.append(sample)
