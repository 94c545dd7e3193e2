"""Who holds a database: one process at a time, and what others learn of it.

Not here: how a file is locked (``nascore.journal.file_lock``) and a PostgreSQL database (``postgres_lock``), and the
fencing number inside each, which keeps a process that was stopped and passed over from writing
(``nascore.journal.store``).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from nascore.errors import HeldError


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a database.

    Attributes:
        pid: Its process id; 0 if it is not known.
        host: Name of its machine.
        address: Where it serves; empty if it does not, or not yet.
        token_file: File with the token for it; empty for none.
        started_at: Unix time in seconds.
    """

    pid: int
    host: str
    address: str = ""
    token_file: str = ""
    started_at: float = 0.0


UNKNOWN = Holder(0, "unknown")


class Hold(ABC):
    """A database that this process holds; let go by `release` or with the process.

    Attributes:
        holder: What others read about this process.
    """

    def __init__(self, holder: Holder) -> None:
        self.holder = holder

    def update(
        self, *, address: str | None = None, token_file: str | None = None, started_at: float | None = None
    ) -> None:
        """Tell others more: where this process serves, for example; ``None`` leaves a field as it is."""
        given = {"address": address, "token_file": token_file, "started_at": started_at}
        changed = {name: value for name, value in given.items() if value is not None}
        self.holder = replace(self.holder, **changed)  # type: ignore[arg-type]  # each name has its own type above
        self._publish()

    @abstractmethod
    def release(self) -> None:
        """Let the database go; twice is harmless."""

    @abstractmethod
    def _publish(self) -> None:
        """Tell others what ``holder`` says."""


def held(database: object, other: Holder) -> HeldError:
    """Return the error for a database that another process holds."""
    if not other.pid:
        return HeldError(f"{database} is held by another process, which has not said who it is.", hint="Try again.")
    serving = f", serving at {other.address}" if other.address else ""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(other.started_at)) if other.started_at else "unknown"
    return HeldError(
        f"{database} is held by process {other.pid} on {other.host}{serving}, since {since}.",
        hint=f"Talk to that server instead, or end it (kill {other.pid}) and try again.",
    )
