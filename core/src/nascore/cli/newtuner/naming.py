"""The names of a new tuner's package: one word for people, and what follows from it for package managers and Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from nascore.cli.failure import WrongUsageError

MOST_CHARACTERS = 30
RESERVED = "new"
_PREFIX = "nas-"
_FORM = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RULE = f"Lower-case letters, digits and single hyphens, a letter first, at most {MOST_CHARACTERS} characters."


@dataclass(frozen=True, slots=True)
class PackageNames:
    """The name of a tuner, and what its package, its module and its class are called.

    Attributes:
        name: The name that people type: ``hill-climbing``.
    """

    name: str

    @property
    def package(self) -> str:
        """The distribution: ``nas-hill-climbing``."""
        return _PREFIX + self.name

    @property
    def module(self) -> str:
        """The package that is imported: ``nas_hill_climbing``."""
        return self.package.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The class: ``HillClimbingTuner``; with a second word, so that it hides nothing of Python or nascore."""
        return "".join(part.capitalize() for part in self.name.split("-")) + "Tuner"


def names_of(name: str, *, installed: Iterable[str]) -> PackageNames:
    """Return the names of a new tuner's package.

    Args:
        name: What the tuner is to be called.
        installed: Names that are taken.

    Raises:
        WrongUsageError: The name has another form, or is taken; with the nearest one that would do.
    """
    if not _FORM.fullmatch(name) or len(name) > MOST_CHARACTERS or name == RESERVED:
        raise WrongUsageError(f"`{name}` cannot be the name of a tuner.", fix=_suggested(name))
    names = PackageNames(name)
    if name.startswith(_PREFIX):
        raise WrongUsageError(
            f"`{name}` would make the package `{names.package}`, for `{_PREFIX}` is put before the name of the tuner.",
            fix=_suggested(name),
        )
    if name in installed:
        raise WrongUsageError(
            f"A tuner `{name}` is installed already.",
            fix=f"Choose another name, or look at it: `nascore tuners {name}`.",
        )
    if find_spec(names.module) is not None:
        raise WrongUsageError(f"A package `{names.module}` is installed already.", fix="Choose another name.")
    return names


def _suggested(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    near = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-").lstrip("0123456789-").removeprefix(_PREFIX)
    near = near[:MOST_CHARACTERS].strip("-")
    return f"Did you mean `{near}`? {_RULE}" if near and near not in (name, RESERVED) else _RULE
