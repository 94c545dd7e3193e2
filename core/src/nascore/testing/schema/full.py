"""Full messages: every field set, each to a value of its own, the same ones every time."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from nascore.testing.schema.pool import Schema

_DEPTH = 3
_REALS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


def message_names(schema: Schema) -> tuple[str, ...]:
    """Return the full names of all messages, sorted."""
    return tuple(
        sorted(f"{file.package}.{message.name}" for file in schema.files.values() for message in file.message_type)
    )


def full_messages(schema: Schema, name: str) -> Mapping[str, Message]:
    """Return messages with every field set, messages inside messages down to three levels.

    Args:
        schema: Where the message is from.
        name: Its full name.

    Returns:
        Under the name of the message one with everything, of a oneof the last; under each other member of a oneof
        (``nascore.v1.Proposal.architecture``) one with that alone.
    """
    descriptor = schema.pool.FindMessageTypeByName(name)
    found = {name: _full(descriptor, _DEPTH)}
    for oneof in descriptor.oneofs:
        for each in oneof.fields[:-1]:
            found[each.full_name] = GetMessageClass(descriptor)()
            _set(found[each.full_name], each, _value(each, _DEPTH - 1))
    return found


def _full(descriptor: Descriptor, depth: int) -> Message:
    message: Message = GetMessageClass(descriptor)()
    for each in descriptor.fields:
        if each.message_type is None or depth > 0:
            _set(message, each, _value(each, depth - 1))
    return message


def _set(message: Message, each: FieldDescriptor, value: object) -> None:
    if each.is_repeated:
        getattr(message, each.name).extend([value, value])
    elif isinstance(value, Message):
        getattr(message, each.name).CopyFrom(value)
    else:
        setattr(message, each.name, value)


def _value(each: FieldDescriptor, depth: int) -> object:
    if each.message_type is not None:
        return _full(each.message_type, depth)
    if each.enum_type is not None:
        return each.enum_type.values[-1].number
    if each.type == FieldDescriptor.TYPE_STRING:
        return each.name
    if each.type == FieldDescriptor.TYPE_BYTES:
        return each.name.encode()
    if each.type == FieldDescriptor.TYPE_BOOL:
        return True
    return each.number + 0.5 if each.cpp_type in _REALS else each.number
