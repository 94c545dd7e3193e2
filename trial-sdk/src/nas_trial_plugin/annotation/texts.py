"""The text of one annotation: parsed as the one Python call that it must be, with the place of every part.

Not here: where annotations stand (``statements``), and what the call says (``layers``, ``parameters``).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from nas_trial_plugin.annotation.findings import Findings, Place

BEGINNING = re.compile(r"@(?:nni|nas)\.")
"""How a string begins that is an annotation."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a string statement that begins as an annotation.

    Attributes:
        value: The whole text, with its ``@``.
        place: Where the string stands.
        start: Place of the first character of the text; ``None`` where escapes move characters about.
    """

    value: str
    place: Place
    start: Place | None

    def place_of(self, node: ast.expr | ast.keyword | ast.stmt) -> Place:
        """Where a part of the call stands in the file."""
        return self._place(node.lineno, len(_characters(self._line(node.lineno), node.col_offset)))

    def place_of_fault(self, error: SyntaxError) -> Place:
        """Where a syntax error is."""
        return self._place(error.lineno or 1, max(0, (error.offset or 1) - 1))

    def _line(self, line: int) -> str:
        return self.source.split("\n")[line - 1]

    def _place(self, line: int, column: int) -> Place:
        if self.start is None:
            return self.place
        if line == 1:
            return Place(self.place.file, self.start.line, self.start.column + 1 + column)
        return Place(self.place.file, self.start.line + line - 1, column + 1)

    @property
    def source(self) -> str:
        """The call as Python, without ``@``."""
        return self.value[1:]


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed annotation.

    Attributes:
        text: What it was parsed from.
        function: The name after ``nni.``.
        node: The call.
    """

    text: Text
    function: str
    node: ast.Call


def parsed(text: Text, findings: Findings) -> Call | None:
    """Parse an annotation; ``None`` if it is not one call, which is noted."""
    try:
        module = ast.parse(text.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = text.place_of_fault(error) if isinstance(error, SyntaxError) else text.place
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        findings.add(place, f"The annotation is not Python: {why}.", instead="Write one call: @nni.NAME(...).")
        return None
    if len(module.body) != 1:
        place = text.place_of(module.body[1]) if module.body else text.place
        findings.add(
            place,
            f"{len(module.body)} statements stand in one annotation.",
            instead="Write one call, or one string for each.",
        )
        return None
    statement = module.body[0]
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        findings.add(text.place_of(statement), "The annotation is not a call.", instead="Write @nni.NAME(...).")
        return None
    call = statement.value
    if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
        findings.add(
            text.place_of(call), f"{ast.unparse(call.func)} is no annotation.", instead="Write @nni.NAME(...)."
        )
        return None
    _check_not_nested(call, text, findings)
    return Call(text, call.func.attr, call)


def _check_not_nested(call: ast.Call, text: Text, findings: Findings) -> None:
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and BEGINNING.match(node.value):
            findings.add(
                text.place_of(node),
                "An annotation stands in an annotation.",
                instead="Give it a string statement of its own.",
            )


def _characters(line: str, count: int) -> str:
    """The first ``count`` bytes of a line, which is how ``ast`` counts columns."""
    return line.encode()[:count].decode(errors="ignore")
