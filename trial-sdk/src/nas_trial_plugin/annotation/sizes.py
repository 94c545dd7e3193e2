"""How many optional inputs are chosen: a number, or ``[fewest, most]``, both included."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.texts import Text

FIELD = "optional_input_size"


def read_size(
    fields: Mapping[str, ast.expr], count: int, *, whole: ast.expr, text: Text, findings: Findings
) -> tuple[int, int]:
    """The fewest and the most inputs that are chosen; ``(0, 0)``, and notes, where the field says nothing sensible.

    Args:
        fields: The fields of the layer.
        count: How many optional inputs there are.
        whole: The layer.
        text: The annotation.
        findings: Takes what is wrong.
    """
    node = fields.get(FIELD)
    if node is None:
        if "optional_inputs" in fields and count:
            shown = f"optional_input_size: 1, or a range such as [1, {count}]"
            findings.add(text.place_of(whole), "The field is missing.", field=FIELD, instead=f"Write {shown}.")
        return 0, 0
    if "optional_inputs" not in fields:
        findings.forgives(
            text.place_of(node),
            "There are no optional_inputs.",
            field=FIELD,
            instead="Name them, or leave the field out.",
            read_as="The field is left out.",
        )
        return 0, 0
    bounds = _Bounds(node, count, text, findings).read()
    return bounds if bounds is not None else (0, 0)


class _Bounds:
    def __init__(self, node: ast.expr, count: int, text: Text, findings: Findings) -> None:
        self._node = node
        self._count = count
        self._text = text
        self._findings = findings

    def read(self) -> tuple[int, int] | None:
        parts = self._parts()
        if parts is None:
            return None
        numbers = [self._number(part) for part in parts]
        if None in numbers:
            return None
        low, high = (number or 0 for number in (numbers[0], numbers[-1]))
        if low > high:
            if not self._forgives(
                f"The range [{low}, {high}] begins above its end.",
                instead=f"Write [{high}, {low}].",
                read_as=f"It is read as [{high}, {low}].",
            ):
                return None
            low, high = high, low
        return self._within(low, high)

    def _parts(self) -> list[ast.expr] | None:
        if not isinstance(self._node, ast.List):
            return [self._node]
        parts = self._node.elts
        if len(parts) < 2:
            shown = ast.unparse(self._node)
            self._wrong(self._node, f"{shown} is no range.", instead=f"Write {shown.strip('[]') or '1'}, or [1, 2].")
            return None
        if len(parts) > 2:
            kept = f"[{ast.unparse(parts[0])}, {ast.unparse(parts[1])}]"
            if not self._forgives(
                f"{ast.unparse(self._node)} has {len(parts)} numbers; a range has the fewest and the most.",
                instead=f"Write {kept}.",
                read_as=f"It is read as {kept}.",
            ):
                return None
        return parts[:2]

    def _number(self, node: ast.expr) -> int | None:
        shown = ast.unparse(node)
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            value = None
        if type(value) is int and value >= 0:
            return value
        if type(value) in (int, float) and value < 0:
            self._wrong(node, f"{shown} is less than 0.", instead="Write how many inputs are chosen.")
            return None
        near = _near(value)
        if near is None:
            self._wrong(node, f"{shown} is no number of inputs.", instead="Write a whole number, or [1, 2].")
            return None
        is_read = self._forgives(
            f"{shown} is no whole number.", instead=f"Write {near}.", read_as=f"It is read as {near}."
        )
        return near if is_read else None

    def _within(self, low: int, high: int) -> tuple[int, int] | None:
        if high <= self._count:
            return low, high
        most = self._count
        possible = str(most) if low == high or low >= most else f"[{low}, {most}]"
        if not self._forgives(
            f"{high} inputs cannot be chosen of {most}.",
            instead=f"Write {possible}, or name more optional_inputs.",
            read_as=f"It is read as {possible}; inputs are chosen without replacement.",
        ):
            return None
        return min(low, most), most

    def _wrong(self, node: ast.expr, message: str, *, instead: str) -> None:
        self._findings.add(self._text.place_of(node), message, field=FIELD, instead=instead)

    def _forgives(self, message: str, *, instead: str, read_as: str) -> bool:
        place = self._text.place_of(self._node)
        return self._findings.forgives(place, message, field=FIELD, instead=instead, read_as=read_as)


def _near(value: object) -> int | None:
    """The whole number that NNI made of another literal."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value >= 0 and value < 2**31:
        return int(value)
    return None
