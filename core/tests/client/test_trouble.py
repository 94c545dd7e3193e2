"""Errors of gRPC in our words, over a real channel."""

import re
import socket

import pytest
from nascore.client import Client
from nascore.errors import UnavailableError


def test_a_server_that_is_not_there_is_told_in_whole_sentences():
    with socket.socket() as deaf:  # It has the port, so that nobody else is given it, and does not listen.
        deaf.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        with Client(address, token="t" * 16, patience_s=0) as client, pytest.raises(UnavailableError) as caught:
            client.list()
    assert re.search(r"[^.]\.$", caught.value.message)
    assert re.search(r"[^.]\. Check that it runs and that NASCORE_SERVER names its address;", str(caught.value))
