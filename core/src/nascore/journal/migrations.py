"""Changes of the tables from one version to the next: numbered steps, each wholly done or not at all.

A step and the new version are committed together, so a process that is killed in between leaves a database of one
version or the other, and the next one goes on from there. Not here: the steps of single databases
(``sqlite_schema``, ``postgres_schema``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nascore.errors import StateError


@dataclass(frozen=True, slots=True)
class Step:
    """What leads from one version to the next; the first one makes the tables of a new database.

    Attributes:
        version: The version that it leads to.
        statements: SQL, done in order in one transaction.
    """

    version: int
    statements: tuple[str, ...]


def newest(steps: Sequence[Step]) -> int:
    """Return the version that all steps lead to.

    Raises:
        ValueError: The steps are not numbered 1, 2, 3, …
    """
    if [step.version for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"steps are numbered from 1 without gaps, not {[step.version for step in steps]}")
    return len(steps)


def refuse_newer(version: int, *, steps: Sequence[Step], name: str) -> None:
    """Make sure that a database was not written by a newer nascore.

    Raises:
        StateError: It was.
    """
    if version > newest(steps):
        raise StateError(
            f"{name} was written by a newer nascore (schema {version}; this one knows {newest(steps)}); "
            "it is left untouched.",
            hint="Upgrade nascore to open it.",
        )


def migrate(steps: Sequence[Step], *, version: int, copy: Callable[[int], None], take: Callable[[Step], None]) -> None:
    """Take the steps that a database still lacks.

    Args:
        steps: All steps.
        version: The version of the database; 0 for a new one.
        copy: Called once with the version before an existing database is changed.
        take: Takes a step, and stores its version, in one transaction.
    """
    lacking = [step for step in steps if step.version > version]
    if lacking and version:
        copy(version)
    for step in lacking:
        take(step)
