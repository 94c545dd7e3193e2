"""A gRPC client that costs a tenth of a real one: HTTP/2 frames by hand on one asyncio connection.

For putting load on a server from the same machine, where the processor time of a real client would be taken from the
server. It reads answers and knows that a call failed, not why: header blocks that come in are not decoded. Not here:
TLS, retries, compression, flow control within a stream (one small message is on its way at a time).

Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK), https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from nascore.client import TcpAddress, UnixAddress

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_FRAME_HEAD = 9
_WINDOW_SIZE = 2**31 - 1
_DEFAULT_WINDOW = 65_535
_REFILL = 1 << 20


class CallError(Exception):
    """A call was refused or broken off."""


@dataclass(slots=True)
class _Stream:
    done: asyncio.Future[bytes]
    received: bytearray = field(default_factory=bytearray)
    is_talk: bool = False


class Connection(asyncio.Protocol):
    """One HTTP/2 connection; made by `connect`."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}
        self._next_stream = 1
        self._buffer = bytearray()
        self._unsent: deque[bytes] = deque()
        self._window = _DEFAULT_WINDOW
        self._received = 0
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, address: UnixAddress | TcpAddress) -> Connection:
        """Return a connection to a server on this machine that speaks plain HTTP/2."""
        loop = asyncio.get_running_loop()
        if isinstance(address, UnixAddress):
            return (await loop.create_unix_connection(cls, address.path))[1]
        return (await loop.create_connection(cls, address.host, address.port))[1]

    def call(self, head: bytes, request: bytes) -> asyncio.Future[bytes]:
        """Send a request; the answer comes, or CallError.

        Args:
            head: Its header block, as `header_block` makes it.
            request: The message.
        """
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        done = asyncio.get_running_loop().create_future()
        self._streams[stream] = _Stream(done)
        body = b"\0" + len(request).to_bytes(4, "big") + request
        data = _frame(_DATA, _END_STREAM, stream, body)
        self._unsent.append(_frame(_HEADERS, _END_HEADERS, stream, head) + data)
        self._window -= len(body)
        self._send()
        return done

    def begin(self, head: bytes) -> int:
        """Open a stream of messages in both directions and return its number; see `exchange`."""
        number, self._next_stream = self._next_stream, self._next_stream + 2
        self._streams[number] = _Stream(asyncio.get_running_loop().create_future(), is_talk=True)
        self._unsent.append(_frame(_HEADERS, _END_HEADERS, number, head))
        self._send()
        return number

    def exchange(self, number: int, request: bytes) -> asyncio.Future[bytes]:
        """Send a message on a stream; the answer comes, or CallError."""
        stream = self._streams.get(number)
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if stream is None:
            done.set_exception(CallError("The stream has ended."))
            return done
        stream.done = done
        body = b"\0" + len(request).to_bytes(4, "big") + request
        self._window -= len(body)
        self._unsent.append(_frame(_DATA, 0, number, body))
        self._send()
        return done

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet: no pushes, no dynamic header table, the largest windows."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's derive from nothing
        settings = ((1, 0), (2, 0), (4, _WINDOW_SIZE))
        payload = b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in settings)
        refill = _frame(_WINDOW, 0, 0, (_WINDOW_SIZE - _DEFAULT_WINDOW).to_bytes(4, "big"))
        self._write(_PREFACE + _frame(_SETTINGS, 0, 0, payload) + refill)

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        buffer = self._buffer
        buffer += data
        place = 0
        while len(buffer) - place >= _FRAME_HEAD:
            end = place + _FRAME_HEAD + int.from_bytes(buffer[place : place + 3], "big")
            if len(buffer) < end:
                break
            kind, flags = buffer[place + 3], buffer[place + 4]
            stream = int.from_bytes(buffer[place + 5 : place + 9], "big") & 0x7FFFFFFF
            self._take(kind, flags, stream, bytes(buffer[place + _FRAME_HEAD : end]))
            place = end
        del buffer[:place]

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is at work."""
        for stream in self._streams.values():
            if not stream.done.done():
                stream.done.set_exception(CallError(f"The connection was lost ({error})."))
        self._streams.clear()

    # --- frames -------------------------------------------------------------------------------------------------

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind in (_DATA, _HEADERS):
            self._take_answer(kind, flags, number, payload)
        elif kind == _WINDOW and number == 0:
            self._window += int.from_bytes(payload, "big")
            self._send()
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind == _RESET:
            self._end(number)
        elif kind == _GOAWAY and payload[4:8] != b"\0\0\0\0":
            raise CallError(f"The server hung up: {payload!r}")

    def _take_answer(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == _DATA:
            self._streams[number].received += payload
            self._received += len(payload)
            if self._received >= _REFILL:
                self._write(_frame(_WINDOW, 0, 0, self._received.to_bytes(4, "big")))
                self._received = 0
            self._answer_talk(self._streams[number])
        if flags & _END_STREAM:
            self._end(number, payload)

    def _answer_talk(self, stream: _Stream) -> None:
        received = stream.received
        if stream.is_talk and len(received) >= 5 and len(received) >= 5 + int.from_bytes(received[1:5], "big"):
            if not stream.done.done():
                stream.done.set_result(bytes(received[5:]))
            received.clear()

    def _end(self, number: int, last: bytes = b"") -> None:
        stream = self._streams.pop(number, None)
        if stream is None or stream.done.done():
            return
        received = stream.received
        if len(received) >= 5 and len(received) == 5 + int.from_bytes(received[1:5], "big"):
            stream.done.set_result(bytes(received[5:]))
        else:  # A refusal has no message, and its headers are mostly plain text.
            said = "".join(chr(byte) for byte in last if 32 <= byte < 127)
            stream.done.set_exception(CallError(f"The server refused the call: {said}"))

    def _send(self) -> None:
        while self._unsent and self._window >= 0:
            self._write(self._unsent.popleft())

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)


def header_block(method: str, token: str) -> bytes:
    """Return the headers of a call: indexed from HPACK's static table, or literal."""
    words = [
        b"\x83\x86",  # :method POST, :scheme http
        b"\x04" + _text(method),  # :path
        b"\x01" + _text("localhost"),  # :authority
        b"\x00" + _text("te") + _text("trailers"),
        b"\x0f\x10" + _text("application/grpc"),  # content-type
        b"\x00" + _text("grpc-timeout") + _text("60S"),
        b"\x1f\x08" + _text(f"Bearer {token}"),  # authorization
    ]
    return b"".join(words)


def _text(text: str) -> bytes:
    data = text.encode("ascii")
    if len(data) >= 127:
        raise ValueError(f"{text!r:.40} is too long for a header of a benchmark.")
    return bytes([len(data)]) + data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
