"""Frames written by hand are those of protobuf, and whatever protobuf writes is understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.v1 import weights_pb2
from nascore.weights.live import Late, Rule, Slot, Terms
from nascore.weights.live.wire import (
    PULL_DATA,
    PUSH_DATA,
    checksum,
    framed,
    rule_from_message,
    rule_to_message,
    slots_from_messages,
    slots_to_messages,
    terms_from_request,
    terms_to_request,
    unframed,
)

PUSHES = st.builds(
    weights_pb2.PushRequest,
    experiment=st.text(max_size=5),
    request_id=st.text(max_size=5),
    base_version=st.integers(0, 2**64 - 1),
    tensor=st.integers(0, 2**32 - 1),
    offset=st.integers(0, 2**64 - 1),
    crc32c=st.integers(0, 2**32 - 1),
    rule=st.integers(0, 3),
)


@given(PUSHES, st.binary(min_size=1, max_size=400))
def test_frames_are_messages_of_protobuf(message, data):
    whole = weights_pb2.PushRequest()
    whole.CopyFrom(message)
    whole.data = data
    assert weights_pb2.PushRequest.FromString(framed(message, PUSH_DATA, data)) == whole
    head, found = unframed(weights_pb2.PushRequest, whole.SerializeToString(), field=PUSH_DATA)
    assert (head, bytes(found)) == (message, data)


def test_a_frame_of_protobuf_is_ours_byte_for_byte():
    message = weights_pb2.PullResponse(version=300, tensor=1, offset=2, crc32c=checksum(b"abc"))
    whole = weights_pb2.PullResponse(version=300, tensor=1, offset=2, crc32c=checksum(b"abc"), data=b"abc")
    assert framed(message, PULL_DATA, b"abc") == whole.SerializeToString()


@given(st.binary(max_size=60))
def test_garbage_is_refused_or_read_as_protobuf_reads_it(raw):
    try:
        message, data = unframed(weights_pb2.PushRequest, raw, field=PUSH_DATA)
    except InvalidInputError:
        return
    message.data = bytes(data)
    assert weights_pb2.PushRequest.FromString(raw) == message


@pytest.mark.parametrize(
    "raw", [b"\x52\x05abc", b"\x52", b"\xff" * 20, b"\x0b\x00", b"\x52\x01a\x52\x01b", b"\x4d\x01", b"\x0a\x01\xff"]
)
def test_broken_frames_are_refused(raw):
    with pytest.raises(InvalidInputError):
        unframed(weights_pb2.PushRequest, raw, field=PUSH_DATA)


def test_slots_terms_and_rules_survive_the_wire():
    slots = (Slot("a", "F32", (2, 3)), Slot("b", "BF16", ()), Slot("c", "F16", (0,)), Slot("d", "F64", (1,)))
    assert slots_from_messages(slots_to_messages(slots)) == slots
    for terms in (Terms(), Terms(Rule.EMA, rate=0.25, max_lag=0, late=Late.SCALE), Terms(Rule.ASSIGN, max_lag=7)):
        request = weights_pb2.OpenTableRequest()
        terms_to_request(terms, request)
        assert terms_from_request(request) == terms
    assert [rule_from_message(rule_to_message(rule)) for rule in Rule] == list(Rule)
    assert rule_from_message(0) is None


@pytest.mark.parametrize(
    "parts", [{}, {"rule": 9}, {"rule": 1, "late": 9}, {"rule": 1, "max_lag": 2}, {"rule": 2, "rate": 7.0}]
)
def test_terms_that_are_left_open_or_unknown_are_refused(parts):
    with pytest.raises(InvalidInputError):
        terms_from_request(weights_pb2.OpenTableRequest(**parts))


def test_types_and_rules_that_do_not_exist_are_refused():
    with pytest.raises(InvalidInputError):
        slots_from_messages([weights_pb2.TensorSpec(key="a", data_type=99)])
    with pytest.raises(InvalidInputError):
        slots_from_messages([weights_pb2.TensorSpec(key="a")])
    with pytest.raises(InvalidInputError):
        rule_from_message(9)
