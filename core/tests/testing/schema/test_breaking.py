"""Each kind of change that would break released programs is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from nascore.testing.schema import Schema, breaking_changes
from nascore.v1 import architecture_pb2, space_pb2, tuner_pb2

TUNER = "nascore/v1/tuner.proto"
COMPILED = Schema.compiled(module.DESCRIPTOR for module in (architecture_pb2, space_pb2, tuner_pb2)).files

Plant = Callable[[FileDescriptorProto], None]


def part(parts, name: str):
    (found,) = [each for each in parts if each.name == name]
    return found


def field(file: FileDescriptorProto, place: str) -> FieldDescriptorProto:
    message, _, name = place.partition(".")
    return part(part(file.message_type, message).field, name)


def call(file: FileDescriptorProto, name: str):
    return part(part(file.service, "TunerService").method, name)


def planted(plant: Plant) -> Mapping[str, FileDescriptorProto]:
    files = {}
    for name, file in COMPILED.items():
        files[name] = FileDescriptorProto()
        files[name].CopyFrom(file)
    plant(files[TUNER])
    return files


def dropped(parts_of: Callable, name: str) -> Plant:
    def plant(file: FileDescriptorProto) -> None:
        parts = parts_of(file)
        kept = [each for each in parts if each.name != name]
        del parts[:]
        parts.extend(kept)

    return plant


def changed(part_of: Callable, **values: object) -> Plant:
    def plant(file: FileDescriptorProto) -> None:
        for name, value in values.items():
            setattr(part_of(file), name, value)

    return plant


def exchanged(file: FileDescriptorProto) -> None:
    one, other = field(file, "Metric.name"), field(file, "Metric.value")
    one.number, other.number = other.number, one.number


def out_of_its_oneof(file: FileDescriptorProto) -> None:
    field(file, "Proposal.mixture").ClearField("oneof_index")


def without_presence(file: FileDescriptorProto) -> None:
    field(file, "Derived.score").ClearField("proto3_optional")
    field(file, "Derived.score").ClearField("oneof_index")


def into_a_oneof(file: FileDescriptorProto) -> None:
    field(file, "Proposal.task").oneof_index = 0


BREAKING: dict[str, tuple[Plant, str]] = {
    "message removed": (dropped(lambda file: file.message_type, "Unrolled"), "The message Unrolled is gone."),
    "enum removed": (dropped(lambda file: file.enum_type, "Mode"), "The enum Mode is gone."),
    "service removed": (dropped(lambda file: file.service, "TunerService"), "The service TunerService is gone."),
    "field removed": (
        dropped(lambda file: part(file.message_type, "Outcome").field, "batches"),
        "Outcome.batches (number 4) is gone.",
    ),
    "field renumbered": (
        changed(lambda file: field(file, "Outcome.batches"), number=40),
        "Outcome.batches had the number 4 and has 40.",
    ),
    "numbers exchanged": (exchanged, "Metric.name had the number 1 and has 2."),
    "field renamed": (
        changed(lambda file: field(file, "Outcome.batches"), name="steps"),
        "The number 4 of Outcome was batches and is steps.",
    ),
    "scalar type": (
        changed(lambda file: field(file, "Outcome.batches"), type=FieldDescriptorProto.TYPE_UINT32),
        "The type of Outcome.batches was uint64 and is uint32.",
    ),
    "wire type": (
        changed(lambda file: field(file, "Asked.seed"), type=FieldDescriptorProto.TYPE_UINT64),
        "The type of Asked.seed was fixed64 and is uint64.",
    ),
    "message type": (
        changed(lambda file: field(file, "Told.outcome"), type_name=".nascore.v1.Proposal"),
        "The type of Told.outcome was message nascore.v1.Outcome and is message nascore.v1.Proposal.",
    ),
    "became repeated": (
        changed(lambda file: field(file, "Told.proposal"), label=FieldDescriptorProto.LABEL_REPEATED),
        "The label of Told.proposal was single and is repeated.",
    ),
    "lost its presence": (
        without_presence,
        "The label of Derived.score was optional and is single.",
    ),
    "out of its oneof": (out_of_its_oneof, "The oneof of Proposal.mixture was subject and is none."),
    "into a oneof": (into_a_oneof, "The oneof of Proposal.task was none and is subject."),
    "enum value removed": (
        dropped(lambda file: part(file.enum_type, "Task").value, "TASK_GRADIENT"),
        "Task.TASK_GRADIENT (number 4) is gone.",
    ),
    "enum value renumbered": (
        changed(lambda file: part(part(file.enum_type, "Task").value, "TASK_GRADIENT"), number=14),
        "Task.TASK_GRADIENT was 4 and is 14.",
    ),
    "enum value renamed": (
        changed(lambda file: part(part(file.enum_type, "Task").value, "TASK_GRADIENT"), name="TASK_SLOPE"),
        "The number 4 of Task was TASK_GRADIENT and is TASK_SLOPE.",
    ),
    "call removed": (
        dropped(lambda file: part(file.service, "TunerService").method, "Replay"),
        "The call TunerService.Replay is gone.",
    ),
    "call takes another": (
        changed(lambda file: call(file, "Ask"), input_type=".nascore.v1.TellRequest"),
        "The request of TunerService.Ask was nascore.v1.AskRequest and is nascore.v1.TellRequest.",
    ),
    "call returns another": (
        changed(lambda file: call(file, "Ask"), output_type=".nascore.v1.TellResponse"),
        "The response of TunerService.Ask was nascore.v1.AskResponse and is nascore.v1.TellResponse.",
    ),
    "call streams up": (
        changed(lambda file: call(file, "Ask"), client_streaming=True),
        "The request's streaming of TunerService.Ask was a single message and is a stream.",
    ),
    "call streams down no more": (
        changed(lambda file: call(file, "StreamAsks"), server_streaming=False),
        "The response's streaming of TunerService.StreamAsks was a stream and is a single message.",
    ),
    "package": (changed(lambda file: file, package="nascore.v2"), "the package was nascore.v1 and is nascore.v2."),
}


@pytest.mark.parametrize("kind", sorted(BREAKING))
def test_planted_change_is_found_and_said(kind: str) -> None:
    plant, sentence = BREAKING[kind]
    found = breaking_changes(COMPILED, planted(plant))
    assert sentence in found[0]
    assert len(found) == (2 if kind == "numbers exchanged" else 1)
    assert len(found[0]) > len(sentence) + 10  # and says how to mend it


def test_file_that_is_gone_is_found() -> None:
    current = {name: file for name, file in COMPILED.items() if name != TUNER}
    assert breaking_changes(COMPILED, current)[0].startswith(f"The file {TUNER} is gone.")


def added(file: FileDescriptorProto) -> None:
    part(file.message_type, "Proposal").field.add(name="teacher", number=99, type=FieldDescriptorProto.TYPE_STRING)
    part(file.message_type, "Proposal").field.add(
        name="sketch", number=98, type=FieldDescriptorProto.TYPE_BYTES, oneof_index=0
    )
    part(file.enum_type, "Task").value.add(name="TASK_DREAM", number=99)
    part(file.service, "TunerService").method.add(
        name="Dream", input_type=".nascore.v1.AskRequest", output_type=".nascore.v1.AskResponse"
    )
    file.message_type.add(name="Dream")
    file.enum_type.add(name="Depth").value.add(name="DEPTH_UNSPECIFIED", number=0)
    file.service.add(name="DreamService")


def test_additions_and_another_order_break_nothing() -> None:
    def shuffled(file: FileDescriptorProto) -> None:
        added(file)
        messages = list(file.message_type)[::-1]
        del file.message_type[:]
        file.message_type.extend(messages)
        file.message_type[0].field.sort(key=lambda each: -each.number)

    assert breaking_changes(COMPILED, planted(added)) == ()
    assert breaking_changes(COMPILED, planted(shuffled)) == ()
    assert breaking_changes(planted(added), COMPILED)
