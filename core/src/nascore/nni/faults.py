"""What is wrong with a file of NNI's: everything in one run, each finding with line, column and field.

NNI accepted much in silence. Read strictly, that is wrong like anything else; read leniently, it is read as NNI did and
listed. What NNI could not use either is wrong in both.
"""

from __future__ import annotations

from functools import partial

from nascore.errors import InvalidInputError, Violation
from nascore.nni.located import Lines, Located, NotJsonError, locate


class Faults:
    """Gathers findings.

    Args:
        text: The text that is read.
        lenient: Whether what NNI accepted is forgiven.

    Attributes:
        found: What is wrong.
        forgiven: What would be wrong if it were read strictly, and what was read instead.
    """

    def __init__(self, text: str, *, lenient: bool) -> None:
        self._lines = Lines.of(text)
        self._is_lenient = lenient
        self.found: list[Violation] = []
        self.forgiven: list[Violation] = []

    def wrong(self, at: Located, message: str) -> None:
        """Notes what nobody can read."""
        self.found.append(self._violation(at, message))

    def forgive(self, at: Located, message: str, *, write: str, read: str) -> None:
        """Notes what NNI accepted: what to write instead, and what it is read as."""
        if self._is_lenient:
            self.forgiven.append(self._violation(at, f"{message}; {read}"))
        else:
            self.wrong(at, f"{message}; {write}")

    def raise_if_any(self, kind: str, error: type[InvalidInputError]) -> None:
        """Ends reading if anything is wrong.

        Raises:
            InvalidInputError: As ``error``; ``violations`` lists everything.
        """
        if not self.found:
            return
        found = sorted(self.found, key=lambda violation: _order(violation.field))
        if len(found) == 1:
            end = "" if found[0].message.endswith("?") else "."
            raise error(f"The {kind} is not valid: {found[0]}{end}", violations=tuple(found))
        listed = "\n".join(f"  {violation}" for violation in found)
        raise error(f"The {kind} has {len(found)} faults:\n{listed}", violations=tuple(found))

    def _violation(self, at: Located, message: str) -> Violation:
        return Violation(f"{self._lines.place(at.offset)} {at.path}".rstrip(), message)


def read_located(
    text: str | bytes, kind: str, *, error: type[InvalidInputError], lenient: bool
) -> tuple[str, Located, Faults]:
    """Reads JSON: its text, its root, and where to note what is wrong with it.

    Raises:
        InvalidInputError: As ``error``; the text is no JSON.
    """
    decoded = _decoded(text, kind, error)
    faults = Faults(decoded, lenient=lenient)
    try:
        return decoded, locate(decoded, partial(_doubled, faults)), faults
    except NotJsonError as fault:
        faults.wrong(Located(None, fault.offset, ""), f"not JSON: {fault.message}")
        faults.raise_if_any(kind, error)
        raise


def _doubled(faults: Faults, at: Located, message: str) -> None:
    faults.forgive(at, message, write="rename or remove one of the two", read="the last one counts")


def _decoded(text: str | bytes, kind: str, error: type[InvalidInputError]) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = text[: fault.start].count(b"\n") + 1
        raise error(f"The {kind} is not UTF-8 text (line {line}).", hint="Save it as UTF-8.") from fault


def _order(field: str) -> tuple[int, int]:
    line, _, column = field.partition(" ")[0].partition(":")
    return int(line), int(column)
