"""How this machine is shared out among workers: GPUs in turn, CPU threads in equal parts.

Not here: torch; GPUs are found by what the driver says.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import InvalidInputError

_DRIVER = Path("/proc/driver/nvidia/gpus")
_CGROUP = Path("/sys/fs/cgroup/cpu.max")
_LISTING_S = 20.0
_LINE = re.compile(r"^(?:GPU (?P<index>\d+):|\s+MIG .*\(UUID: (?P<mig>MIG-[^)]+)\))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """One worker's share: CPU threads, and the GPUs that it sees (empty for none)."""

    threads: int
    devices: tuple[str, ...] = ()


def plan_workers(parallel: int, *, gpus: tuple[str, ...], cores: int) -> tuple[WorkerPlan, ...]:
    """Return the shares of ``parallel`` workers: one GPU each, in turn, and ``max(1, cores // parallel)`` threads.

    Args:
        parallel: Number of workers.
        gpus: GPUs as CUDA_VISIBLE_DEVICES names them; with fewer than workers, several share one.
        cores: CPU cores to share.

    Raises:
        InvalidInputError: If ``parallel`` or ``cores`` is below 1.
    """
    if parallel < 1 or cores < 1:
        raise InvalidInputError(f"parallel is {parallel} and cores are {cores}; both must be at least 1.")
    threads = max(1, cores // parallel)
    return tuple(WorkerPlan(threads, (gpus[place % len(gpus)],) if gpus else ()) for place in range(parallel))


def available_cores() -> int:
    """Return the number of CPU cores this process may use: its affinity, and the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return max(1, min(allowed, _quota(_CGROUP.read_text(encoding="ascii"))))
    except (OSError, ValueError):
        return allowed


def detect_gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; empty for none.

    A CUDA_VISIBLE_DEVICES that is set is honoured as CUDA does, up to its first invalid entry. Else ``nvidia-smi -L``
    is asked, and where it is missing the driver's folder. Of a GPU that is divided (MIG) the parts are returned.
    """
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return _visible(visible)
    listing = _listing(environ)
    if listing is not None:
        return gpus_of_listing(listing)
    try:
        return tuple(str(index) for index, _ in enumerate(_DRIVER.iterdir()))
    except OSError:
        return ()


def gpus_of_listing(listing: str) -> tuple[str, ...]:
    """Return the GPUs in the output of ``nvidia-smi -L``: indices, or the UUIDs of the parts of a divided one."""
    found: list[str] = []
    whole = ""
    for line in _LINE.finditer(listing):
        if line["index"] is not None:
            whole = line["index"]
            found.append(whole)
            continue
        if found and found[-1] == whole:
            found.pop()
        found.append(line["mig"])
    return tuple(found)


def _visible(text: str) -> tuple[str, ...]:
    devices: list[str] = []
    for entry in (part.strip() for part in text.split(",")):
        if not re.fullmatch(r"\d+|(GPU|MIG)-[\w./-]+", entry) or entry in devices:
            break
        devices.append(entry)
    return tuple(devices)


def _listing(environ: Mapping[str, str]) -> str | None:
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return None
    try:
        ran = subprocess.run((program, "-L"), capture_output=True, text=True, timeout=_LISTING_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None


def _quota(text: str) -> int:
    quota, _, period = text.strip().partition(" ")
    return 2**31 if quota == "max" else math.ceil(int(quota) / int(period))
