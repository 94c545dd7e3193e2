import os
import socket

import pytest
from nas_trial.isolation import Channel
from nascore.errors import DataLossError, InvalidInputError


def test_messages_arrive_whole_and_in_order():
    ours, its = Channel.pair()
    ours.send({"a": [1, "ü"]})
    ours.send({})
    assert its.has_message(1)
    assert [its.receive(), its.receive()] == [{"a": [1, "ü"]}, {}]
    assert not its.has_message(0)
    ours.close()
    assert its.receive() is None
    its.close()


def test_a_descriptor_travels_with_its_message():
    ours, its = Channel.pair()
    reading, writing = os.pipe()
    ours.send({"start": 1}, descriptor=writing)
    received = its.receive()
    os.write(received["descriptor"], b"x")
    assert os.read(reading, 1) == b"x"
    for descriptor in (reading, writing, received["descriptor"]):
        os.close(descriptor)
    ours.close()
    its.close()


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xffx", b"\0\0\0\2[]", b"\0\0\0\1{", b"\0\0\0\1\xff"])
def test_what_is_no_message_is_an_error(noise):
    raw, its = socket.socketpair()
    channel = Channel(its)
    raw.sendall(noise)
    with pytest.raises(DataLossError, match="something else wrote"):
        channel.receive()
    raw.close()
    channel.close()


def test_a_message_cut_short_is_an_end():
    raw, its = socket.socketpair()
    channel = Channel(its)
    raw.sendall(b"\0\0\0\x09{")
    raw.close()
    assert channel.receive() is None
    channel.close()


def test_numbers_that_json_cannot_hold_and_long_messages_are_refused():
    ours, its = Channel.pair()
    with pytest.raises(InvalidInputError, match="cannot be written"):
        ours.send({"loss": float("nan")})
    with pytest.raises(InvalidInputError, match="bytes"):
        ours.send({"text": "x" * (17 << 20)})
    ours.close()
    its.close()
