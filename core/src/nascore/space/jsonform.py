"""The space file: the proto3 JSON mapping of ``nascore.v1.SearchSpace``, so that there is no second grammar.

For people it is indented; for identity it is canonical (RFC 8785), which every language can compute from its own
protobuf library's mapping. Fields at their default are left out in both.
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.message import Message

from nascore.errors import SpaceError, Violation
from nascore.space import node_messages
from nascore.space.canonical import canonical_json
from nascore.space.constraint import Constraint
from nascore.space.node_documents import node_document
from nascore.space.nodes import Node
from nascore.space.strictjson import read_json
from nascore.v1 import space_pb2 as pb


def space_to_json(nodes: tuple[Node, ...], constraints: tuple[Constraint, ...]) -> str:
    """The text of a space file, indented by two, with a newline at its end."""
    return json.dumps(_document(nodes, constraints), indent=2, ensure_ascii=False) + "\n"


def space_to_canonical_json(nodes: tuple[Node, ...], constraints: tuple[Constraint, ...]) -> bytes:
    """The canonical form of a space file."""
    return canonical_json(_document(nodes, constraints))


def space_from_json(text: str) -> tuple[tuple[Node, ...], tuple[Constraint, ...]]:
    """Reads a space file; what it holds is not checked yet.

    Raises:
        SpaceError: The text is no JSON (with line and column), or no such message (with the field).
    """
    document = read_json(text, error=SpaceError)
    if not isinstance(document, dict):
        raise SpaceError(f"A space file holds one JSON dictionary, but this is a {type(document).__name__}.")
    message = pb.SearchSpace()
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        place, reason = _innermost(document, pb.SearchSpace(), "", error)
        found = Violation(place, " ".join(reason.split()).rstrip("."))
        raise SpaceError(
            f"Not a space file: {found}.", hint="The fields are those of space.proto.", violations=(found,)
        ) from error
    return node_messages.from_message(message)


def _document(nodes: tuple[Node, ...], constraints: tuple[Constraint, ...]) -> dict[str, Any]:
    """What protobuf's mapping gives of the message; constraints, which are few, are left to it."""
    rest = json_format.MessageToDict(node_messages.to_message((), constraints))
    written = {"nodes": [node_document(node) for node in nodes]} if nodes else {}
    return {"specVersion": rest.pop("specVersion"), **written, **rest}


def _innermost(document: object, message: Message, place: str, error: Exception) -> tuple[str, str]:
    """The innermost part that cannot be parsed by itself, and why; protobuf's own errors do not say which it is."""
    for name, value in document.items() if isinstance(document, dict) else ():
        field = message.DESCRIPTOR.fields_by_camelcase_name.get(name) or message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            continue
        here = f"{place}.{field.name}" if place else field.name
        if field.message_type is None:
            fault = _fault({name: value}, type(message)())
            if fault is not None:
                return here, str(fault)
            continue
        inner = message_factory.GetMessageClass(field.message_type)  # type: ignore[arg-type]  # two names of one class
        for index, part in enumerate(value if isinstance(value, list) else [value]):
            fault = _fault(part, inner())
            if fault is not None:
                return _innermost(part, inner(), f"{here}[{index}]" if isinstance(value, list) else here, fault)
    return place, str(error)


def _fault(document: object, message: Message) -> Exception | None:
    if not isinstance(document, dict):
        return TypeError(f"{json.dumps(document)[:40]} is not a dictionary")
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        return error
    return None
