"""A .proto file frozen as text: one line for each message, field, enum, value, service and call, in the file's order.

::

    message Proposal
      1 number: uint64
      2 architecture: message nascore.v1.Architecture in subject
      5 budget: optional message nascore.v1.Budget
      12 teacher: string  since 0.2

What is written is read back as the same descriptor, without its comments. Not here: nested declarations, extensions
and options, which this protocol has none of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from nascore.errors import InvalidInputError, UnsupportedError

HEADING = "# Frozen by scripts/freeze_protos.py; never edited. `message.field  since V`: added after the first release."

_SCALARS: Mapping[str, int] = MappingProxyType(
    {
        name.removeprefix("TYPE_").lower(): number
        for name, number in FieldDescriptorProto.Type.items()
        if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
    }
)
_NAMES = {number: name for name, number in _SCALARS.items()}
_REFERENCES = {"message": FieldDescriptorProto.TYPE_MESSAGE, "enum": FieldDescriptorProto.TYPE_ENUM}

_SINCE = r"(?:  since (?P<since>\S+))?"
_DECLARATION = re.compile(rf"(?P<kind>message|enum|service) (?P<name>\w+){_SINCE}")
_FIELD = re.compile(
    r"  (?P<number>\d+) (?P<name>\w+): (?:(?P<label>optional|repeated) )?"
    rf"(?:(?P<scalar>{'|'.join(_SCALARS)})|(?P<kind>message|enum) (?P<type>[\w.]+))(?: in (?P<oneof>\w+))?{_SINCE}"
)
_VALUE = re.compile(rf"  (?P<number>-?\d+) (?P<name>\w+){_SINCE}")
_CALL = re.compile(
    r"  (?P<name>\w+)\((?P<up>stream )?(?P<input>[\w.]+)\) -> (?P<down>stream )?(?P<output>[\w.]+)" + _SINCE
)


@dataclass(frozen=True, slots=True)
class FrozenFile:
    """A file of the schema, and since which version those parts exist that the first release did not have.

    Attributes:
        file: The descriptor, without comments and options.
        since: Version by place (``Proposal``, ``Proposal.teacher``, ``TunerService.Ask``).
    """

    file: FileDescriptorProto
    since: Mapping[str, str] = field(default_factory=dict)


def written(frozen: FrozenFile) -> str:
    """Return a file of the schema as text.

    Raises:
        UnsupportedError: It has nested declarations or extensions.
    """
    file = frozen.file
    lines = [HEADING, f"package {file.package}", *(f"import {name}" for name in sorted(file.dependency))]
    for place, line in _lines(file):
        since = frozen.since.get(place)
        lines.append(line + (f"  since {since}" if since else ""))
    return "\n".join(lines) + "\n"


def places(file: FileDescriptorProto) -> tuple[str, ...]:
    """Return the places of all parts: ``Proposal``, ``Proposal.number``, ``Task.TASK_TRAIN``, ``TunerService.Ask``."""
    return tuple(place for place, _ in _lines(file) if place)


def _lines(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Yield place and line of each part; empty lines between declarations have no place."""
    for message in file.message_type:
        if message.nested_type or message.enum_type or message.extension:
            raise UnsupportedError(
                f"{message.name} declares something inside itself, which the frozen form has no line for.",
                hint="Declare it beside the message.",
            )
        yield "", ""
        yield message.name, f"message {message.name}"
        for each in message.field:
            yield f"{message.name}.{each.name}", f"  {each.number} {each.name}: {_type_text(message, each)}"
    for enum in file.enum_type:
        yield "", ""
        yield enum.name, f"enum {enum.name}"
        for value in enum.value:
            yield f"{enum.name}.{value.name}", f"  {value.number} {value.name}"
    for service in file.service:
        yield "", ""
        yield service.name, f"service {service.name}"
        for call in service.method:
            yield f"{service.name}.{call.name}", f"  {_call_text(call)}"


def _type_text(message: DescriptorProto, each: FieldDescriptorProto) -> str:
    label, inside = "", ""
    if each.label == FieldDescriptorProto.LABEL_REPEATED:
        label = "repeated "
    elif each.proto3_optional:
        label = "optional "
    elif each.HasField("oneof_index"):
        inside = f" in {message.oneof_decl[each.oneof_index].name}"
    return f"{label}{type_name(each)}{inside}"


def type_name(each: FieldDescriptorProto) -> str:
    """Return the type of a field: ``uint64``, ``message nascore.v1.Budget``."""
    if each.type in _NAMES:
        return _NAMES[each.type]
    kind = next(kind for kind, number in _REFERENCES.items() if number == each.type)
    return f"{kind} {each.type_name.removeprefix('.')}"


def _call_text(call: MethodDescriptorProto) -> str:
    up, down = ("stream " if streams else "" for streams in (call.client_streaming, call.server_streaming))
    return f"{call.name}({up}{call.input_type.removeprefix('.')}) -> {down}{call.output_type.removeprefix('.')}"


def read(name: str, text: str) -> FrozenFile:
    """Return the file of the schema that `written` wrote.

    Args:
        name: Its name among imports (``nascore/v1/tuner.proto``).
        text: The text.

    Raises:
        InvalidInputError: With the number of the line that is none of the frozen form.
    """
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#") and not reader.take(line):
            raise InvalidInputError(
                f"{name}, line {number} of the frozen text: {line!r} is no line of it.",
                hint="It is never edited; write it anew with scripts/freeze_protos.py.",
            )
    return FrozenFile(reader.file, reader.since)


class _Reader:
    """Takes lines, and adds what they say to a descriptor."""

    def __init__(self, name: str) -> None:
        self.file = FileDescriptorProto(name=name, syntax="proto3")
        self.since: dict[str, str] = {}
        self._open: DescriptorProto | EnumDescriptorProto | ServiceDescriptorProto | None = None

    def take(self, line: str) -> bool:
        """Take a line; whether it is one."""
        keyword, _, rest = line.partition(" ")
        if keyword == "package":
            self.file.package = rest
        elif keyword == "import":
            self.file.dependency.append(rest)
        elif found := _DECLARATION.fullmatch(line):
            self._declare(found)
        else:
            return self._add(line)
        return True

    def _declare(self, found: re.Match[str]) -> None:
        match found["kind"]:
            case "message":
                self._open = self.file.message_type.add(name=found["name"])
            case "enum":
                self._open = self.file.enum_type.add(name=found["name"])
            case _:
                self._open = self.file.service.add(name=found["name"])
        self._remember(found["name"], found)

    def _add(self, line: str) -> bool:
        match self._open:
            case DescriptorProto() as message if found := _FIELD.fullmatch(line):
                _add_field(message, found)
            case EnumDescriptorProto() as enum if found := _VALUE.fullmatch(line):
                enum.value.add(name=found["name"], number=int(found["number"]))
            case ServiceDescriptorProto() as service if found := _CALL.fullmatch(line):
                _add_call(service, found)
            case _:
                return False
        self._remember(f"{self._open.name}.{found['name']}", found)
        return True

    def _remember(self, place: str, found: re.Match[str]) -> None:
        if found["since"]:
            self.since[place] = found["since"]


def _add_field(message: DescriptorProto, found: re.Match[str]) -> None:
    label = FieldDescriptorProto.LABEL_REPEATED if found["label"] == "repeated" else FieldDescriptorProto.LABEL_OPTIONAL
    kind = _SCALARS[found["scalar"]] if found["scalar"] else _REFERENCES[found["kind"]]
    added = message.field.add(name=found["name"], number=int(found["number"]), label=label, type=kind)
    if found["type"]:
        added.type_name = f".{found['type']}"
    added.proto3_optional = found["label"] == "optional"
    # protoc puts the oneof that stands for `optional` after all written ones, and so does `Schema`.
    if found["oneof"]:
        names = [oneof.name for oneof in message.oneof_decl]
        if found["oneof"] not in names:
            message.oneof_decl.add(name=found["oneof"])
            names.append(found["oneof"])
        added.oneof_index = names.index(found["oneof"])


def _add_call(service: ServiceDescriptorProto, found: re.Match[str]) -> None:
    service.method.add(
        name=found["name"],
        input_type=f".{found['input']}",
        output_type=f".{found['output']}",
        client_streaming=bool(found["up"]),
        server_streaming=bool(found["down"]),
    )
