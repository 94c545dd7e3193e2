"""One dictionary of ``mutable_layers`` as a value, and the checks that make it one.

Source of the fields: the two drafts and the first release of NNI's programming interface for architecture search. What
NNI took without a word although it is wrong is an error here; ``--lenient`` reads it as NNI did and says so.
Not here: how many inputs are chosen (``sizes``).
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nas_trial_plugin.annotation.findings import Findings
from nas_trial_plugin.annotation.nearest import nearest
from nas_trial_plugin.annotation.operations import Operation, read_operation
from nas_trial_plugin.annotation.sizes import read_size
from nas_trial_plugin.annotation.texts import Call, Text

ALIASES = {"input_candidates": "optional_inputs", "input_num": "optional_input_size"}
"""Names of the first draft, and today's."""

FIELDS = (
    "layer_choice",
    "layer_output",
    "fixed_inputs",
    "optional_inputs",
    "optional_input_size",
    "input_aggregate",
    "post_process",
)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with a choice in it.

    Attributes:
        candidates: The operations to choose from.
        output: The variable that it assigns.
        fixed_inputs: Source of the inputs that it always gets.
        optional_inputs: Source of the inputs to choose from, which is also what they are called.
        size: The fewest and the most of them that are chosen.
        input_aggregate: Makes one value of all inputs, which the operation gets in their place.
        post_process: Makes the output of the operation's result and the chosen inputs.
    """

    candidates: tuple[Operation, ...]
    output: str
    fixed_inputs: tuple[str, ...] = ()
    optional_inputs: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    input_aggregate: Operation | None = None
    post_process: Operation | None = None


def read_layers(call: Call, findings: Findings) -> tuple[Layer, ...]:
    """The layers of an annotation; those that are wrong are noted and left out."""
    text, node = call.text, call.node
    for word in node.keywords:
        findings.add(
            text.place_of(word),
            f"mutable_layers takes dictionaries, not {word.arg or '**'}.",
            instead="Write {layer_choice: [...], layer_output: name}.",
        )
    if not node.args and not node.keywords:
        findings.add(
            text.place_of(node), "There is no layer.", instead="Write {layer_choice: [...], layer_output: name}."
        )
    layers = (_Reading(text, findings).layer(argument) for argument in node.args)
    return tuple(layer for layer in layers if layer is not None)


class _Reading:
    def __init__(self, text: Text, findings: Findings) -> None:
        self._text = text
        self._findings = findings

    def layer(self, node: ast.expr) -> Layer | None:
        """The layer that a dictionary is; ``None``, and notes, if it is none."""
        before = len(self._findings.wrong)
        fields = self._fields(node)
        if fields is None:
            return None
        candidates = self._candidates(fields.get("layer_choice"), node)
        output = self._output(fields.get("layer_output"), node)
        fixed = tuple(ast.unparse(part) for part in self._expressions("fixed_inputs", fields))
        optional = self._optional_inputs(fields)
        size = read_size(fields, len(optional), whole=node, text=self._text, findings=self._findings)
        operations = {name: self._operation(name, fields) for name in ("input_aggregate", "post_process")}
        if len(self._findings.wrong) > before:
            return None
        return Layer(candidates, output, fixed, optional, size, **operations)

    def _fields(self, node: ast.expr) -> Mapping[str, ast.expr] | None:
        if not isinstance(node, ast.Dict):
            self._wrong(
                node,
                f"{ast.unparse(node)} is no layer.",
                instead="Write {layer_choice: [...], layer_output: name}.",
            )
            return None
        fields: dict[str, ast.expr] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            name = self._name(key, value)
            if name is not None and name in fields:
                self._wrong(key or value, "The field stands twice.", field=name, instead="Remove one of the two.")
            elif name is not None:
                fields[name] = value
        return fields

    def _name(self, key: ast.expr | None, value: ast.expr) -> str | None:
        """The field that a key names, under today's name."""
        if key is None:
            self._wrong(value, "** is not read here.", instead="Write the fields out.")
            return None
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self._wrong(key, "The field is in quotes.", field=key.value, instead=f"Write {key.value} without quotes.")
            return None
        if not isinstance(key, ast.Name):
            self._wrong(key, f"{ast.unparse(key)} is no field.", instead=f"The fields are {', '.join(FIELDS)}.")
            return None
        name = ALIASES.get(key.id, key.id)
        if name in FIELDS:
            return name
        instead = nearest(key.id, (*FIELDS, *ALIASES)) or f"The fields are {', '.join(FIELDS)}."
        self._wrong(key, "There is no such field.", field=key.id, instead=instead)
        return None

    def _candidates(self, node: ast.expr | None, layer: ast.expr) -> tuple[Operation, ...]:
        field = "layer_choice"
        if node is None:
            self._wrong(
                layer, "The field is missing.", field=field, instead="Write layer_choice: [conv(ch=128), pool()]."
            )
            return ()
        parts = self._list(field, node, instead="Write a list of calls: [conv(ch=128), pool()].")
        if parts is not None and not parts:
            self._wrong(node, "There is nothing to choose.", field=field, instead="Write at least one call.")
        read = [(part, read_operation(field, part, self._text, self._findings)) for part in parts or ()]
        found: dict[str, Operation] = {}
        for part, operation in read:
            if operation is not None and operation.text in found:
                self._forgives(
                    part,
                    f"{operation.text} stands twice.",
                    field=field,
                    instead="Remove one of the two.",
                    read_as="It is read once.",
                )
            elif operation is not None:
                found[operation.text] = operation
        return tuple(found.values())

    def _output(self, node: ast.expr | None, layer: ast.expr) -> str:
        field = "layer_output"
        if node is None:
            self._wrong(layer, "The field is missing.", field=field, instead="Write layer_output: name.")
        elif not isinstance(node, ast.Name) or keyword.iskeyword(node.id):
            shown = ast.unparse(node)
            self._wrong(node, f"{shown} is no variable name.", field=field, instead="Write a plain name, such as out4.")
        else:
            return node.id
        return ""

    def _optional_inputs(self, fields: Mapping[str, ast.expr]) -> tuple[str, ...]:
        field = "optional_inputs"
        parts = self._expressions(field, fields)
        if field in fields and not parts and isinstance(fields[field], ast.List):
            self._forgives(
                fields[field],
                "There is nothing to choose.",
                field=field,
                instead="Leave the field out, or name inputs.",
                read_as="The field is left out.",
            )
        found: list[str] = []
        for part in parts:
            source = ast.unparse(part)
            if source not in found:
                found.append(source)
                continue
            self._forgives(
                part,
                f"{source} stands twice.",
                field=field,
                instead="Remove one of the two; inputs are chosen without replacement.",
                read_as="It is read once.",
            )
        return tuple(found)

    def _expressions(self, field: str, fields: Mapping[str, ast.expr]) -> Sequence[ast.expr]:
        if field not in fields:
            return ()
        parts = self._list(field, fields[field], instead="Write a list: [out1, out2].")
        return tuple(self._unstarred(field, parts or ()))

    def _unstarred(self, field: str, parts: Sequence[ast.expr]) -> Iterator[ast.expr]:
        for part in parts:
            if isinstance(part, ast.Starred):
                self._wrong(
                    part, f"{ast.unparse(part)} is not read here.", field=field, instead="Write the inputs out."
                )
            else:
                yield part

    def _list(self, field: str, node: ast.expr, *, instead: str) -> Sequence[ast.expr] | None:
        if isinstance(node, ast.List):
            return node.elts
        self._wrong(node, f"{ast.unparse(node)} is no list.", field=field, instead=instead)
        return None

    def _operation(self, field: str, fields: Mapping[str, ast.expr]) -> Operation | None:
        if field not in fields:
            return None
        return read_operation(field, fields[field], self._text, self._findings)

    def _wrong(self, node: ast.expr, message: str, *, field: str = "", instead: str) -> None:
        self._findings.add(self._text.place_of(node), message, field=field, instead=instead)

    def _forgives(self, node: ast.expr, message: str, *, field: str, instead: str, read_as: str) -> None:
        self._findings.forgives(self._text.place_of(node), message, field=field, instead=instead, read_as=read_as)
