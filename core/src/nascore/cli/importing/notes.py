"""What is found on the way: mistakes, which end the import, and what is not carried over, which is listed."""

from __future__ import annotations

from dataclasses import dataclass, field

from nascore.cli.experimentfile.document import Node
from nascore.cli.failure import InputFileError
from nascore.errors import SettingsError, Violation


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A field that is not carried over.

    Attributes:
        line: Its line, from 1.
        path: The field.
        reason: Why, or what to do instead.
    """

    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.path}: {self.reason}"


@dataclass(slots=True)
class Notes:
    """Gathers everything that is to be said about a file."""

    left_out: list[LeftOut] = field(default_factory=list)
    faults: list[InputFileError] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def leave_out(self, node: Node, line: int, reason: str) -> None:
        """Notes that a field is not carried over; lines count from 0."""
        self.left_out.append(LeftOut(line + 1, node.path, reason))

    def wrong(self, node: Node, line: int, message: str, hint: str = "") -> None:
        """Notes a mistake; lines count from 0."""
        self.faults.append(node.source.error(message, line=line, hint=hint))

    def raise_if_any(self) -> None:
        """Ends the import if there are mistakes.

        Raises:
            SettingsError: There are; all are listed with their lines.
        """
        if len(self.faults) == 1:
            raise self.faults[0]
        if self.faults:
            found = tuple(Violation(error.where, str(error)) for error in self.faults)
            raise SettingsError(f"The file has {len(found)} mistakes.", violations=found)
