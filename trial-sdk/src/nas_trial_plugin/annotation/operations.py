"""An operation: a callable with keyword arguments, as ``layer_choice`` and its kin name it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.texts import Text


@dataclass(frozen=True, slots=True)
class Operation:
    """A callable with its keyword arguments.

    Attributes:
        function: Source of the callable.
        arguments: Names and sources of the keyword arguments.
    """

    function: str
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The call as it is named, normalised: ``conv(ch=128, k=3)``, ``pool()``."""
        return f"{self.function}({', '.join(self.keywords)})"

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keyword arguments, as they are written."""
        return tuple(f"{name}={value}" for name, value in self.arguments)

    def called(self, argument: str) -> str:
        """Source of the call with its first argument: ``conv([[x], []], ch=128)``."""
        return f"{self.function}({', '.join((argument, *self.keywords))})"


def read_operation(field: str, node: ast.expr, text: Text, findings: Findings) -> Operation | None:
    """The operation that an expression is, a bare name being a call; ``None``, and a note, if it is none."""
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    place = text.place_of(node)
    if not _is_dotted_name(call.func):
        findings.add(
            place, f"{ast.unparse(node)} is no call of a function.", field=field, instead="Write name(keyword=value)."
        )
        return None
    function = ast.unparse(call.func)
    if call.args:
        shown = ast.unparse(call.args[0])
        findings.add(
            text.place_of(call.args[0]),
            f"{shown} in {ast.unparse(node)} has no keyword; the inputs are the first argument.",
            field=field,
            instead=f"Write {function}(name={shown.lstrip('*')}).",
        )
        return None
    if any(word.arg is None for word in call.keywords):
        findings.add(place, f"** in {ast.unparse(node)} is not read here.", field=field, instead="Write them out.")
        return None
    return Operation(function, tuple((word.arg or "", ast.unparse(word.value)) for word in call.keywords))


def _is_dotted_name(node: ast.expr) -> bool:
    """Whether it names a callable: ``conv``, ``self.conv``, ``layers[0].conv``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)
