"""A handshake that is made to see why gRPC's failed."""

import gc
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from nascore.client import handshake
from nascore.client.address import TcpAddress
from nascore.client.handshake import handshake_trouble

DETAILS = "failed to connect to all addresses; last error: recvmsg:Connection reset by peer (104)"


@contextmanager
def answering(answer: bytes | None) -> Iterator[TcpAddress]:
    """A server that says something to whoever connects, or hangs up at once with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    taken, _ = listener.accept()
                except OSError:
                    return
                with taken:
                    if answer is None:
                        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        with suppress(OSError):  # Who called may have gone.
                            taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield TcpAddress("127.0.0.1", listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # Wakes who accepts.
            thread.join()


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_server_that_hangs_up_leaves_nothing_open_and_is_no_trouble_of_tls(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "_PROBE_S", 60.0)  # A busy machine is no silent server.
    with answering(answer) as address:
        for _ in range(20):
            assert handshake_trouble(address, None, DETAILS) is None
    gc.collect()  # What was left open would be an error.
