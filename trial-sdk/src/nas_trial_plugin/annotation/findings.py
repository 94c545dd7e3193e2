"""What is wrong with annotations: every finding with its place, and all of them in one error.

Not here: finding out (``layers``, ``parameters``, ``texts``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nascore.errors import InvalidInputError, Violation


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where something stands: file, line from 1, column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: Where.
        field: The field of the annotation; empty for the whole.
        message: What is wrong, with the value.
        instead: What to write instead.
    """

    place: Place
    field: str
    message: str
    instead: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"

    @property
    def text(self) -> str:
        """The finding without its place."""
        return f"{self.field}: {self.message} {self.instead}".removeprefix(": ").rstrip()


class AnnotationError(InvalidInputError):
    """Annotations are wrong; ``violations`` has one entry for each finding, in the order of the files and lines."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        violations = tuple(Violation(str(finding.place), finding.text) for finding in findings)
        first = findings[0]
        if len(findings) == 1:
            message = f"{first.field}: {first.message}".removeprefix(": ")
            super().__init__(message, hint=first.instead, violations=violations)
        else:
            super().__init__(f"{len(findings)} things are wrong, so nothing was written.", violations=violations)
        self.findings = findings


@dataclass(slots=True)
class Findings:
    """Collects what is wrong while files are read.

    Attributes:
        is_lenient: Whether what NNI read without a word is read as it did.
        wrong: What cannot be read.
        forgiven: What NNI read without a word, and what was made of it.
    """

    is_lenient: bool = False
    wrong: list[Finding] = field(default_factory=list)
    forgiven: list[Finding] = field(default_factory=list)

    def add(self, place: Place, message: str, *, field: str = "", instead: str = "") -> None:
        """Note what cannot be read."""
        self.wrong.append(Finding(place, field, message, instead))

    def forgives(self, place: Place, message: str, *, field: str, instead: str, read_as: str) -> bool:
        """Note what NNI read without a word; whether it is read here too, as ``read_as`` says."""
        if self.is_lenient:
            self.forgiven.append(Finding(place, field, message, read_as))
        else:
            self.add(place, message, field=field, instead=instead)
        return self.is_lenient

    def check(self) -> None:
        """Raise what was found.

        Raises:
            AnnotationError: Something is wrong; everything is listed.
        """
        if self.wrong:
            raise AnnotationError(tuple(sorted(set(self.wrong))))
