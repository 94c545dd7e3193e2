"""The arguments of an elastic layer, read in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from nascore.errors import SpaceError
from nascore.space import Literal

from nas_trial.place import caller
from nas_trial.values import Value

Number = int | float | Value
Argument = Literal | Value | None | tuple[int | Value, ...]
Read = Callable[[Value], Literal]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The arguments of a layer, read in one way: as they are now, under an architecture, or at their largest."""

    layer: str
    arguments: Mapping[str, Argument]
    read: Read

    def number(self, name: str) -> int | float:
        """A number.

        Raises:
            SpaceError: It is none.
        """
        return cast("int | float", self._checked(name, self._plain(self.arguments[name]), kinds=(int, float)))

    def whole(self, name: str) -> int:
        """A whole number.

        Raises:
            SpaceError: It is none.
        """
        return cast("int", self._checked(name, self._plain(self.arguments[name]), kinds=(int,)))

    def wholes(self, name: str, rank: int) -> tuple[int, ...]:
        """Whole numbers, one for each of ``rank`` dimensions; a single one stands for all.

        Raises:
            SpaceError: They are none, or of another number.
        """
        argument = self.arguments[name]
        parts = tuple(argument) if isinstance(argument, (tuple, list)) else (argument,) * rank
        if len(parts) != rank:
            raise SpaceError(f"{self.layer} at {caller()}: {name} has {len(parts)} numbers; write 1 or {rank}.")
        return tuple(cast("int", self._checked(name, self._plain(part), kinds=(int,))) for part in parts)

    def _plain(self, argument: object) -> object:
        return self.read(argument) if isinstance(argument, Value) else argument

    def _checked(self, name: str, found: object, *, kinds: tuple[type, ...]) -> object:
        if isinstance(found, kinds) and not isinstance(found, bool):
            return found
        noun = "whole number" if len(kinds) == 1 else "number"
        raise SpaceError(
            f"{self.layer} at {caller()}: {name} is {found!r}, which is not a {noun}.",
            hint="For a part of a width write width // 2, or round(width * 0.5).",
        )
