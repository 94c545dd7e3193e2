"""Downloads from servers that do not send what they should."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from blake3 import blake3
from nascore.client import Client
from nascore.client.weights.download import download
from nascore.errors import DataLossError
from nascore.v1 import weights_pb2
from nascore.weights import Entry, blob_header
from nascore.weights.chunk_wire import framed, framed_small

Answers = list[bytes]


def blob(size: int, byte: int = 0) -> tuple[Entry, bytes]:
    content = blob_header("U8", (size,)) + bytes([byte]) * size
    return Entry(f"k{byte}", "U8", (size,), blake3(content).hexdigest(), size), content


SMALL, SMALL_CONTENT = blob(1000)
LARGE, LARGE_CONTENT = blob(100_000, byte=7)


def small(*rows: tuple[str, bytes]) -> bytes:
    return framed_small(rows, kind=weights_pb2.DownloadResponse)


def large(content: bytes, *, offset: int = 0, size: int = len(LARGE_CONTENT)) -> bytes:
    return framed(LARGE.digest, size, offset, content)


@contextmanager
def answering(answers: Answers) -> Iterator[Client]:
    """A client of a server that answers every download alike."""

    def answer(request: bytes, context: Any) -> Iterator[bytes]:
        yield from answers

    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {"Download": grpc.unary_stream_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("nascore.v1.WeightService", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"127.0.0.1:{port}", token="a-token-of-the-tests", patience_s=0) as client:
        yield client
    server.stop(None).wait()


LIES: dict[str, Callable[[], Answers]] = {
    "other bytes of a small blob": lambda: [small((SMALL.digest, SMALL_CONTENT[:-1] + b"\x01"))],
    "a small blob cut short": lambda: [small((SMALL.digest, SMALL_CONTENT[:-1]))],
    "a small blob that nobody asked for": lambda: [small(("0" * 64, SMALL_CONTENT))],
    "other bytes of a large blob": lambda: [large(LARGE_CONTENT[:-1] + b"\x01")],
    "a large blob with a gap": lambda: [large(LARGE_CONTENT[:5000]), large(LARGE_CONTENT[6000:], offset=6000)],
    "a large blob of another size": lambda: [large(LARGE_CONTENT, size=len(LARGE_CONTENT) + 1)],
    "more than there is": lambda: [large(LARGE_CONTENT), large(b"more", offset=len(LARGE_CONTENT))],
    "too little": lambda: [small((SMALL.digest, SMALL_CONTENT)), large(LARGE_CONTENT[:5000])],
    "nothing": list,
    "no message": lambda: [b"\xff\xff"],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_is_not_proven_is_data_loss(lie: Callable[[], Answers]) -> None:
    with answering(lie()) as client, pytest.raises(DataLossError):
        download(client.connection, "0" * 32, [SMALL, LARGE])


def test_what_is_proven_arrives_in_the_order_asked_for() -> None:
    answers = [
        small((SMALL.digest, SMALL_CONTENT)),
        large(LARGE_CONTENT[:70_000]),
        large(LARGE_CONTENT[70_000:], offset=70_000),
    ]
    other = Entry("again", "U8", (1000,), SMALL.digest, 1000)
    large_one = Entry("large", "U8", (100_000,), LARGE.digest, 100_000)
    with answering(answers) as client:
        found = download(client.connection, "0" * 32, [large_one, SMALL, other])
    assert list(found) == ["large", "k0", "again"]
    assert bytes(found["large"].data) == b"\7" * 100_000
    memoryview(found["k0"].data)[0] = 1
    assert bytes(found["again"].data) == bytes(1000)
