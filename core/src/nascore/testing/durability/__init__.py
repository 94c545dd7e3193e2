"""Durability under real failures: killed and failed system calls, power cuts, full disks, clocks that jump.

Run with ``python -m nascore.testing.durability``; figures are in docs/durability.md. A program of your own is swept by
a `Subject`: how it starts, on which files, and who judges it.
"""

from nascore.testing.durability.judge import Run
from nascore.testing.durability.subjects import Subject
from nascore.testing.durability.sweep import Row, sweep

__all__ = ["Row", "Run", "Subject", "sweep"]
