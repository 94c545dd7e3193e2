"""What a change of the schema would break: released programs that read by number, and JSON, which reads by name.

Additions are free. Everything that was released stays as it was: the number, name, type and place of each field, the
number and name of each enum value, the types and streams of each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from nascore.testing.schema.frozen import type_name


class _Named(Protocol):
    @property
    def name(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


def breaking_changes(
    released: Mapping[str, FileDescriptorProto], current: Mapping[str, FileDescriptorProto]
) -> tuple[str, ...]:
    """Return what of a released schema the current one breaks, each as a sentence and how to mend it; empty if nothing.

    Args:
        released: Descriptors by the name of their file.
        current: The same of today.
    """
    return tuple(_broken(released, current))


def _broken(released: Mapping[str, FileDescriptorProto], current: Mapping[str, FileDescriptorProto]) -> Iterator[str]:
    for name, old in released.items():
        new = current.get(name)
        if new is None:
            yield f"The file {name} is gone. Bring it back: others import it by this name."
            continue
        if new.package != old.package:
            yield (
                f"{name}: the package was {old.package} and is {new.package}. Change it back, or begin a new version "
                "beside it: every name of the wire begins with it."
            )
        for message, now in _pairs(old.message_type, new.message_type):
            yield from _gone("message", message.name) if now is None else _broken_message(message, now)
        for enum, now_enum in _pairs(old.enum_type, new.enum_type):
            yield from _gone("enum", enum.name) if now_enum is None else _broken_enum(enum, now_enum)
        for service, now_service in _pairs(old.service, new.service):
            yield from _gone("service", service.name) if now_service is None else _broken_service(service, now_service)


def _pairs(old: Iterable[NamedT], new: Iterable[NamedT]) -> Iterator[tuple[NamedT, NamedT | None]]:
    by_name = {each.name: each for each in new}
    for each in old:
        yield each, by_name.get(each.name)


def _gone(kind: str, name: str) -> Iterator[str]:
    yield f"The {kind} {name} is gone. Bring it back, in the same file; its comment may say that nobody needs it."


def _broken_message(old: DescriptorProto, new: DescriptorProto) -> Iterator[str]:
    by_name = {each.name: each for each in new.field}
    by_number = {each.number: each for each in new.field}
    for each in old.field:
        place = f"{old.name}.{each.name}"
        same_number, same_name = by_number.get(each.number), by_name.get(each.name)
        if same_name is not None and same_name.number != each.number:
            yield (
                f"{place} had the number {each.number} and has {same_name.number}. Give it its number back: released "
                "programs know fields by number."
            )
        elif same_number is None:
            yield f"{place} (number {each.number}) is gone. Bring it back; leave it unset and say so in its comment."
        elif same_number.name != each.name:
            yield (
                f"The number {each.number} of {old.name} was {each.name} and is {same_number.name}. Give it its name "
                "back, or the new field a new number: JSON and generated classes know fields by name."
            )
        else:
            yield from _changed_field(place, _facts(old, each), _facts(new, same_number))


def _changed_field(place: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for fact, before in old.items():
        if new[fact] != before:
            yield (
                f"The {fact} of {place} was {before} and is {new[fact]}. Change it back, and add a field of another "
                "name and number for what is new."
            )


def _facts(message: DescriptorProto, each: FieldDescriptorProto) -> Mapping[str, str]:
    is_inside = each.HasField("oneof_index") and not each.proto3_optional
    repeated = each.label == FieldDescriptorProto.LABEL_REPEATED
    return {
        "type": type_name(each),
        "label": "repeated" if repeated else "optional" if each.proto3_optional else "single",
        "oneof": message.oneof_decl[each.oneof_index].name if is_inside else "none",
    }


def _broken_enum(old: EnumDescriptorProto, new: EnumDescriptorProto) -> Iterator[str]:
    by_name = {value.name: value.number for value in new.value}
    by_number = {value.number: value.name for value in new.value}
    for value in old.value:
        place = f"{old.name}.{value.name}"
        if value.name in by_name and by_name[value.name] != value.number:
            yield f"{place} was {value.number} and is {by_name[value.name]}. Give it its number back."
        elif value.number not in by_number:
            yield f"{place} (number {value.number}) is gone. Bring it back: released programs may send it."
        elif by_number[value.number] != value.name:
            yield (
                f"The number {value.number} of {old.name} was {value.name} and is {by_number[value.number]}. Give it "
                "its name back, or the new value a new number."
            )


def _broken_service(old: ServiceDescriptorProto, new: ServiceDescriptorProto) -> Iterator[str]:
    for call, now in _pairs(old.method, new.method):
        place = f"{old.name}.{call.name}"
        if now is None:
            yield f"The call {place} is gone. Bring it back: a released program that calls it would be refused."
            continue
        for fact, before, after in _call_facts(call, now):
            if before != after:
                yield f"The {fact} of {place} was {before} and is {after}. Change it back, and add a call beside it."


def _call_facts(old: MethodDescriptorProto, new: MethodDescriptorProto) -> Iterator[tuple[str, str, str]]:
    yield "request", old.input_type.removeprefix("."), new.input_type.removeprefix(".")
    yield "response", old.output_type.removeprefix("."), new.output_type.removeprefix(".")
    yield "request's streaming", _streaming(old.client_streaming), _streaming(new.client_streaming)
    yield "response's streaming", _streaming(old.server_streaming), _streaming(new.server_streaming)


def _streaming(streams: bool) -> str:
    return "a stream" if streams else "a single message"
