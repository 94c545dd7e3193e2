"""Whether the kernel has killed for want of memory: its counters, in this process's control group and as a whole.

A process that is killed for want of memory ends by SIGKILL like any other; only the counters tell why. Not here: what
is recorded of it (``nas_trial.isolation.death``). Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html
("memory.events"), cgroup-v1/memory.html ("memory.oom_control") and ``oom_kill`` in ``/proc/vmstat``.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

_KEY = "oom_kill"
_FIRST_TO_GO = "500"


class Kills:
    """Counts kills for want of memory; on a system without such counters there are none.

    Args:
        root: Where the system's own files are; another place in tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._source = next((path for path in _sources(root) if _count(path) is not None), None)

    def count(self) -> int:
        """Return how many there have been."""
        return (None if self._source is None else _count(self._source)) or 0


def go_first() -> None:
    """Have the kernel kill this process before those that look after it, should memory run out."""
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


def _sources(root: Path) -> list[Path]:
    """Returns files that may have the counter, the most telling one first."""
    found, lines = [], []
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, group = line.split(":", 2)
        # A path with ``..`` lies outside of this container.
        if ".." in group or controllers not in ("", "memory"):
            continue
        below = group.strip("/")
        if controllers:
            found.append(root / "sys/fs/cgroup/memory" / below / "memory.oom_control")
        else:
            found.append(root / "sys/fs/cgroup" / below / "memory.events")
    return [*found, root / "proc/vmstat"]


def _count(source: Path) -> int | None:
    try:
        lines = source.read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{_KEY} ")]
    return int(found[0]) if found else None
