"""The wire of direct connections, over real pairs of sockets."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.weights.direct_wire import (
    Follower,
    break_off,
    receive,
    receive_message,
    send,
    send_file,
    send_message,
)

WHO: ContextVar[str] = ContextVar("who", default="nobody")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    one.settimeout(60)
    other.settimeout(60)
    with one, other:
        yield one, other


def test_length_beyond_all_messages_is_refused_before_anything_is_allocated(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    pair[0].sendall(b"\xff\xff\xff\xff")
    with pytest.raises(InvalidInputError, match="4,294,967,295 bytes"):
        receive_message(pair[1])


def test_end_within_a_message_is_a_broken_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(b"\x05\x00\x00\x00abc")
    pair[0].close()
    with pytest.raises(ConnectionError, match="ended early"):
        receive_message(pair[1])


@given(messages=st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=5))
def test_messages_and_what_follows_them_arrive_as_they_were_sent(messages: list[tuple[bytes, bytes]]) -> None:
    one, other = socket.socketpair()
    with one, other:
        for message, then in messages:
            send_message(one, message, then=then, has_more=True)
        for message, then in messages:
            assert receive_message(other) == message
            assert receive(other, len(then)) == then


class Stepwise(socket.socket):
    """Sends a little at a time, each with a timeout of its own; ``sendall`` has one for all steps together."""

    steps = 0

    def send(self, data: Any, flags: int = 0) -> int:
        self.steps += 1
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        pytest.fail("its timeout is a total")


def test_nothing_that_is_sent_waits_for_a_total_of_time(pair: tuple[socket.socket, socket.socket]) -> None:
    """Each step may take the timeout: a slow reader of much is no failure."""
    data, found = os.urandom(4 << 20), bytearray()

    def read() -> None:
        while piece := pair[1].recv(64 << 10):
            found.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    with Stepwise(fileno=os.dup(pair[0].fileno())) as stepwise:
        stepwise.settimeout(60)
        send(stepwise, data)
        assert stepwise.steps >= 4
    pair[0].shutdown(socket.SHUT_WR)
    thread.join()
    assert found == data


@pytest.mark.parametrize(
    ("offset", "size", "expected"), [(0, 100_000, 100_000), (7, 90_000, 90_000), (5, 10**6, 99_995)]
)
def test_file_is_sent_from_an_offset_and_as_far_as_it_goes(
    tmp_path: Path, pair: tuple[socket.socket, socket.socket], offset: int, size: int, expected: int
) -> None:
    content = os.urandom(100_000)
    file = tmp_path / "file"
    file.write_bytes(content)
    descriptor = os.open(file, os.O_RDONLY)
    sent: list[int] = []
    thread = threading.Thread(target=lambda: sent.append(send_file(pair[0], descriptor, offset, size)))
    thread.start()
    assert receive(pair[1], expected) == content[offset : offset + expected]
    thread.join()
    os.close(descriptor)
    assert sent == [expected]


def test_reader_who_takes_nothing_is_given_up(tmp_path: Path, pair: tuple[socket.socket, socket.socket]) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(8 << 20))
    descriptor = os.open(file, os.O_RDONLY)
    pair[0].settimeout(0.05)
    with pytest.raises(TimeoutError):
        send_file(pair[0], descriptor, 0, 8 << 20)
    os.close(descriptor)


# --- who follows -----------------------------------------------------------------------------------------------------


def test_follower_works_in_order_and_as_who_gave_the_work() -> None:
    found: list[tuple[int, str]] = []
    WHO.set("me")
    with Follower("test", waiting=2) as follower:
        for number in range(50):
            follower.give(lambda number=number: found.append((number, WHO.get())))
    assert found == [(number, "me") for number in range(50)]


def test_what_work_raises_is_raised_to_who_gives_more_and_ends_the_work() -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("no")

    def work() -> None:
        with Follower("test", waiting=2) as follower:
            follower.give(fail)
            for number in range(100):
                follower.give(lambda number=number: done.append(number))

    with pytest.raises(ValueError, match="no"):
        work()
    assert done == []


def test_failure_wakes_a_giver_who_waits_and_is_what_is_raised(pair: tuple[socket.socket, socket.socket]) -> None:
    def fail() -> None:
        raise ValueError("no")

    def work() -> None:
        with Follower("test", waiting=2, on_failure=partial(break_off, pair[0])) as follower:
            follower.give(fail)
            receive(pair[0], 1)

    with pytest.raises(ValueError, match="no"):
        work()


def test_work_that_was_given_is_done_though_the_giver_fails() -> None:
    done: list[int] = []

    def work() -> None:
        with Follower("test", waiting=2) as follower:
            follower.give(lambda: done.append(1))
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert done == [1]


def test_so_much_waits_and_no_more() -> None:
    """Who fills buffers in turn needs two more than may wait, and never more."""
    gate, begun = threading.Event(), threading.Event()
    given_ones: list[int] = []

    def work() -> None:
        begun.set()
        assert gate.wait(60)

    def give(follower: Follower) -> None:
        for number in range(4):
            follower.give(work)
            given_ones.append(number)

    with Follower("test", waiting=2) as follower:
        giver = threading.Thread(target=give, args=(follower,))
        giver.start()
        assert begun.wait(60)
        while len(given_ones) < 3:
            time.sleep(0.01)
        giver.join(0.3)
        assert len(given_ones) == 3
        gate.set()
        giver.join()
