"""Processor time of processes: what a shared machine does not disturb, where seconds on the clock are noise."""

from __future__ import annotations

import os
import resource
from contextlib import suppress

import psutil


def seconds_of_family(pid: int) -> tuple[float, float]:
    """Return the processor seconds of a process, and of all below it (those that live)."""
    process = psutil.Process(pid)
    children = 0.0
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            children += _seconds(child)
    return _seconds(process), children


def own_seconds() -> float:
    """Return the processor seconds of this process and of its children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def pin(core: int) -> None:
    """Keep this process, and those it starts, on one core."""
    os.sched_setaffinity(0, {core})


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
