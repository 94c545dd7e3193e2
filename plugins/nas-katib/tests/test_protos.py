"""Our copy of Katib's contract is Katib's: every name, number and type."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, unknown_fields
from nas_katib.v1beta1 import api_pb2


def of(file) -> dict[str, descriptor_pb2.DescriptorProto]:
    copy = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(copy)
    for message in copy.message_type:
        clear_json_names(message)
    return {each.name: each for part in (copy.message_type, copy.enum_type, copy.service) for each in part}


def clear_json_names(message: descriptor_pb2.DescriptorProto) -> None:
    """Forget the JSON names, which follow from the names and are not kept in generated code."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        clear_json_names(nested)


def test_every_message_and_service_is_katibs_own(katib):
    ours, theirs = of(api_pb2.DESCRIPTOR), of(katib.messages.file)
    for name, each in ours.items():
        assert each == theirs[name], name
    assert api_pb2.DESCRIPTOR.package == katib.messages.file.package


def test_what_a_suggestion_service_does_not_speak_is_left_out(katib):
    left_out = of(katib.messages.file).keys() - of(api_pb2.DESCRIPTOR).keys()
    assert "DBManager" in left_out
    assert "EarlyStopping" in left_out
    assert not {name for name in left_out if "Suggestion" in name}


def test_katibs_bytes_are_read_and_written_the_same(katib):
    message = katib.messages.GetSuggestionsRequest(
        experiment=katib.experiment(nas_config={"graph_config": {"num_layers": 3, "input_sizes": [32, 32, 3]}}),
        trials=[{"name": "t", "status": {"condition": "EARLYSTOPPED"}, "spec": {"labels": {"a": "b"}}}],
        current_request_number=2,
        total_request_number=7,
    )
    ours = api_pb2.GetSuggestionsRequest.FromString(message.SerializeToString())
    assert ours.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    assert not unknown_fields.UnknownFieldSet(ours)
