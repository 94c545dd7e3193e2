"""Three generations of the schema: the released one, today's, and one that is newer than today's."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from nascore.testing.schema import Schema

PROTOS = Path(__file__).parents[3] / "protos"
ADDED = 9000
"""Number of what is added to everything in the newer schema."""


def compiled() -> Schema:
    names = sorted(path.stem for path in (PROTOS / "nascore" / "v1").glob("*.proto"))
    return Schema.compiled(importlib.import_module(f"nascore.v1.{name}_pb2").DESCRIPTOR for name in names)


def newer(schema: Schema) -> Schema:
    """A schema with a field more in every message, a value more in every enum, a call more in every service."""
    files = []
    for file in schema.files.values():
        copy = FileDescriptorProto()
        copy.CopyFrom(file)
        for message in copy.message_type:
            message.field.add(name="added_later", number=ADDED, type=FieldDescriptorProto.TYPE_STRING, label=1)
            message.field.add(name="more_added", number=ADDED + 1, type=FieldDescriptorProto.TYPE_DOUBLE, label=3)
        for enum in copy.enum_type:
            enum.value.add(name=f"{enum.name.upper()}_ADDED_LATER", number=ADDED)
        for service in copy.service:
            empty = copy.message_type.add(name=f"{service.name}AddedLater")
            place = f".{copy.package}.{empty.name}"
            service.method.add(name="AddedLater", input_type=place, output_type=place)
        files.append(copy)
    return Schema.of(files)


@pytest.fixture(scope="session")
def released() -> Schema:
    return Schema.frozen(PROTOS / "released" / "v1", package="nascore/v1")


@pytest.fixture(scope="session")
def current() -> Schema:
    return compiled()


@pytest.fixture(scope="session")
def generations(released: Schema, current: Schema) -> dict[str, Schema]:
    """By name; all of them know the released part."""
    return {"released": released, "current": current, "newer": newer(current)}
