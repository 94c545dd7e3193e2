"""What stores of checkpoints answer, and the two errors that carry an answer. Not here: the stores' contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from nascore.errors import ConflictError, StateError

OWN = "default"
"""The experiment of checkpoints that were put without naming one."""


class MissingBlobsError(StateError):
    """A commit names blobs that are not here; upload ``missing`` and commit again.

    Attributes:
        missing: Their digests, all of them.
    """

    is_retryable = True

    def __init__(self, missing: Sequence[str]) -> None:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        super().__init__(f"{len(missing)} blobs are not in the store: {shown}.", hint="Upload them and commit again.")
        self.missing = tuple(missing)


class MovedNameError(ConflictError):
    """A name does not point where the caller believes.

    Attributes:
        etag: The etag that it has now; empty if there is no such name.
    """

    def __init__(self, message: str, *, etag: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.etag = etag


class Direction(Enum):
    """Which values of a metric are better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit made: the checkpoint, and the etag of the name that points to it (empty without a name)."""

    checkpoint: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A name of an experiment, the checkpoint that it points to, and its etag, which changes with every move."""

    experiment: str
    name: str
    checkpoint: str
    etag: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where on this machine a tensor's data lie, for readers that map the file: bytes ``offset`` to its end."""

    file: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A checkpoint in a list.

    Attributes:
        checkpoint: Its id.
        experiment: Whose it is.
        trial: The trial that made it.
        size: Bytes of all its tensors.
        metrics: What it was measured by; at most 100, in the order of their names, of which none is longer than 256.
        is_pinned: Whether it is kept from being released.
        at: When it was committed, Unix time in seconds; 0: not known.
    """

    checkpoint: str
    experiment: str
    trial: int
    size: int
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    is_pinned: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some checkpoints, oldest first, and where the next page begins (``after``; empty after the last one)."""

    checkpoints: tuple[Listed, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Relative:
    """An ancestor or descendant.

    Attributes:
        checkpoint: Its id.
        distance: How many generations away it is.
        is_released: Whether its tensors were released.
        trial: The trial that made it; ``None`` if only its manifest says so, and what it was measured by.
        metrics: As in `Listed`.
    """

    checkpoint: str
    distance: int
    is_released: bool
    trial: int | None = None  # An older server does not tell it.
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Ancestors and descendants of a checkpoint, nearest first."""

    ancestors: tuple[Relative, ...]
    descendants: tuple[Relative, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of the blobs that an experiment references, each counted once, and its limit (``None``: there is none)."""

    used: int
    quota: int | None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection removed: files of blobs, packs and manifests, stale uploads, and the bytes of all."""

    files: int
    stagings: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Something stored that is not what was written.

    Attributes:
        place: Which file or object.
        what: What is wrong with it.
        checkpoints: Those that are not whole without it, oldest first; none of the index, which can be made anew.
        lost: Bytes of their tensors that are in it.
    """

    place: str
    what: str
    checkpoints: tuple[str, ...] = ()  # An older server does not tell it.
    lost: int = 0
