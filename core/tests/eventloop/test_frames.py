"""Frames over real sockets: each request has its answer, and who does not keep to the form or the key is hung up on."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nascore.errors import ExhaustedResourceError
from nascore.eventloop import MAX_FRAME_BYTES, FrameClient, FrameDoor, FrameProtocol

KEY = b"a key that was told"


async def upside_down(request: bytes) -> bytes | None:
    return request[::-1]


@asynccontextmanager
async def opened(
    folder: Path, answer: Callable[[bytes], Awaitable[bytes | None]] = upside_down
) -> AsyncIterator[FrameDoor]:
    door = FrameDoor(folder / "s", KEY, answer=answer)
    await door.open()
    try:
        yield door
    finally:
        await door.close()


def asked(folder: Path, *requests: bytes, key: bytes = KEY, timeout_s: float = 20.0) -> list[bytes]:
    """Ask as a worker does: in a thread that waits."""
    client = FrameClient(str(folder / "s"), key, timeout_s=timeout_s)
    try:
        return [client.say(request) for request in requests]
    finally:
        client.close()


def sent(folder: Path, *pieces: bytes) -> bytes:
    """Send bytes that are no frames; return all that comes until the other end hangs up."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20.0)
        raw.connect(str(folder / "s"))
        came = b""
        try:
            for piece in pieces:
                raw.sendall(piece)
            while data := raw.recv(1 << 16):
                came += data
        except ConnectionError:
            pass
        return came


def frame(message: bytes) -> bytes:
    return struct.pack("<I", len(message)) + message


async def test_wrong_key_is_hung_up_on(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(asked, tmp_path, b"abc", key=b"another")


async def test_announced_size_above_the_limit_is_hung_up_on(tmp_path: Path) -> None:
    async with opened(tmp_path):
        head = struct.pack("<I", MAX_FRAME_BYTES + 1)
        assert await asyncio.to_thread(sent, tmp_path, head) == b""
        assert await asyncio.to_thread(sent, tmp_path, frame(KEY) + head) == b""


async def test_who_does_not_wait_for_answers_is_hung_up_on(tmp_path: Path) -> None:
    async def never(request: bytes) -> bytes | None:
        await asyncio.Event().wait()
        return None

    async with opened(tmp_path, never):
        assert await asyncio.to_thread(sent, tmp_path, frame(KEY), *[frame(b"more")] * 20) == b""


async def test_answer_that_is_none_and_one_that_fails_hang_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(request: bytes) -> bytes | None:
        if request == b"fail":
            raise ValueError("a defect")
        return None

    async with opened(tmp_path, refuse):
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(asked, tmp_path, b"refuse")
        assert not caplog.records
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(asked, tmp_path, b"fail")
    assert "A frame was not answered." in caplog.text


async def test_request_that_is_too_large_is_not_sent_and_the_next_one_is_answered(tmp_path: Path) -> None:
    def ask() -> bytes:
        client = FrameClient(str(tmp_path / "s"), KEY, timeout_s=20.0)
        with pytest.raises(ExhaustedResourceError, match="at most 4,194,304 are sent"):
            client.say(bytes(MAX_FRAME_BYTES + 1))
        answer = client.say(b"abc")
        client.close()
        return answer

    async with opened(tmp_path):
        assert await asyncio.to_thread(ask) == b"cba"


async def test_question_without_an_answer_times_out(tmp_path: Path) -> None:
    async def never(request: bytes) -> bytes | None:
        await asyncio.Event().wait()
        return None

    async with opened(tmp_path, never):
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(asked, tmp_path, b"abc", timeout_s=0.05)


async def test_closed_door_hangs_up_in_the_middle_of_an_answer_and_leaves_no_socket(tmp_path: Path) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: bytes) -> bytes | None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    async with opened(tmp_path, slow) as door:
        asking = asyncio.create_task(asyncio.to_thread(asked, tmp_path, b"abc"))
        await begun.wait()
        await door.close()
        assert ended.is_set()
        with pytest.raises(ConnectionError):
            await asking
    assert not (tmp_path / "s").exists()
    with pytest.raises(OSError, match="No such file"):
        await asyncio.to_thread(asked, tmp_path, b"abc")


async def test_guest_who_came_just_before_the_door_closed_is_hung_up_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as door:
        loop = asyncio.get_running_loop()
        _, end = await loop.create_unix_connection(FrameProtocol, str(tmp_path / "s"))
        while not door._guests:
            await asyncio.sleep(0)
        await door.close()
        assert await end.read() is None


async def test_messages_of_every_size_come_back_whole(tmp_path: Path) -> None:
    messages = [bytes([size % 251]) * size for size in (0, 1, 3, 4, 65_531, 65_532, 65_533, 1 << 20, MAX_FRAME_BYTES)]
    async with opened(tmp_path):
        assert await asyncio.to_thread(asked, tmp_path, *messages) == messages


async def test_both_ends_on_an_event_loop_talk_in_turn(tmp_path: Path) -> None:
    async with opened(tmp_path):
        loop = asyncio.get_running_loop()
        _, end = await loop.create_unix_connection(FrameProtocol, str(tmp_path / "s"))
        end.write(KEY)
        for message in (b"abc", bytes(1 << 20), b""):
            end.write(message)
            await end.drained()
            assert await end.read() == message[::-1]
        end.close()
        assert await end.read() is None


@given(some.lists(some.binary(max_size=40), max_size=4), some.lists(some.integers(1, 30), min_size=1))
def test_frames_are_the_same_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream, end = b"".join(map(frame, messages)), FrameProtocol()
    place = turn = 0
    while place < len(stream):
        step = cuts[turn % len(cuts)]
        end.data_received(stream[place : place + step])
        place, turn = place + step, turn + 1
    end.connection_lost(None)

    async def read() -> list[bytes | None]:
        return [await end.read() for _ in range(len(messages) + 1)]

    assert asyncio.run(read()) == [*messages, None]
