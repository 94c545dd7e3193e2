"""A schema, frozen as text and read back, is the same schema."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from nascore.errors import InvalidInputError, UnsupportedError
from nascore.testing.schema import FrozenFile, Schema, read, written
from nascore.v1 import (
    architecture_pb2,
    error_pb2,
    experiment_pb2,
    space_pb2,
    tensor_pb2,
    trial_pb2,
    tuner_pb2,
    weights_pb2,
)

MODULES = (architecture_pb2, error_pb2, experiment_pb2, space_pb2, tensor_pb2, trial_pb2, tuner_pb2, weights_pb2)
COMPILED = Schema.compiled(module.DESCRIPTOR for module in MODULES)
TUNER = "nascore/v1/tuner.proto"


@pytest.mark.parametrize(
    "line",
    ["  1 number", "  number: uint64", "  1 number: uint65", "massage X", "  1 Ask(a.B) -> c.D", "  1 number: uint64 "],
)
def test_line_of_no_form_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(InvalidInputError, match="line 3"):
        read("a.proto", f"package a\nmessage X\n{line}\n")


def test_line_outside_of_a_declaration_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="line 2"):
        read("a.proto", "package a\n  1 number: uint64\n")


def test_nested_declarations_are_refused_by_name() -> None:
    file = FileDescriptorProto(name="a.proto", package="a", syntax="proto3")
    file.message_type.add(name="Outer").nested_type.add(name="Inner")
    with pytest.raises(UnsupportedError, match="Outer"):
        written(FrozenFile(file))


@pytest.mark.parametrize("name", sorted(COMPILED.files))
def test_what_is_written_is_read_back_as_the_same_types(name: str) -> None:
    texts = {file: written(FrozenFile(descriptor)) for file, descriptor in COMPILED.files.items()}
    frozen = Schema.of(read(file, text).file for file, text in texts.items())
    for message in COMPILED.files[name].message_type:
        one, other = (schema.message(f"nascore.v1.{message.name}").DESCRIPTOR for schema in (COMPILED, frozen))
        assert described(one) == described(other)
    assert written(FrozenFile(frozen.files[name])) == texts[name]


def described(descriptor):
    return [
        (each.name, each.number, each.type, each.is_repeated, each.has_presence, each.json_name)
        + tuple(found.full_name for found in (each.message_type, each.enum_type) if found is not None)
        + ((each.containing_oneof.name,) if each.containing_oneof is not None else ())
        for each in descriptor.fields
    ]


def test_version_of_an_addition_is_kept() -> None:
    since = {"Unrolled": "0.2", "Proposal.task": "0.3", "Task.TASK_SEARCH": "0.2", "TunerService.Ask": "0.4"}
    text = written(FrozenFile(COMPILED.files[TUNER], since))
    assert "message Unrolled  since 0.2\n" in text
    assert "  4 task: enum nascore.v1.Task  since 0.3\n" in text
    assert read(TUNER, text).since == since


def test_fields_of_two_oneofs_stay_in_their_own() -> None:
    text = (
        "package a\nmessage X\n  1 one: string in first\n  2 two: uint64 in second\n  3 three: optional bool\n"
        "  4 four: string in first\n"
    )
    made = Schema.of([read("a.proto", text).file]).message("a.X").DESCRIPTOR
    assert [each.containing_oneof.name for each in made.fields] == ["first", "second", "_three", "first"]
