"""Direct connections: the same bytes and the same errors as over gRPC, whoever connects and whatever breaks."""

import random
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nascore.client import ClientTls
from nascore.client.weights import Weights, direct
from nascore.errors import (
    DataLossError,
    ExhaustedResourceError,
    InternalError,
    NotFoundError,
    StateError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.service import Scope, ServerTls, TokenFile, generate_token, make_grant
from nascore.service.weights import direct_port
from nascore.service.weights.sink import Sink
from nascore.testing.proxy import ProxyThread
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore, TensorData, blob_header, open_store
from nascore.weights.direct_wire import receive, receive_message, send, send_message

TOKEN = "a-token-of-the-tests"
LOOPBACK = "127.0.0.1:0"
SERVICE = "/nascore.v1.WeightService"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is slow on a busy machine is still there."""
    monkeypatch.setattr(direct_port, "_GREETING_S", 60.0)
    monkeypatch.setattr(direct, "_GREETED_S", 60.0)


def tensors(seed: int = 0, *, large: int = 1_500_000) -> dict[str, TensorData]:
    """Some of every size, enough of them for a direct connection."""
    chance = random.Random(seed)
    found = {
        "large": TensorData("F32", (large,), chance.randbytes(4 * large)),
        "middle": TensorData("F32", (300_000,), chance.randbytes(1_200_000)),
        "empty": TensorData("F32", (0, 7), b""),
        "tied": TensorData("F32", (3,), bytes(12)),
        "tied too": TensorData("F32", (3,), bytes(12)),
        "limit": TensorData("U8", (64 << 10,), chance.randbytes(64 << 10)),
    }
    return found | {f"small{n}": TensorData("F32", (n,), chance.randbytes(4 * n)) for n in range(1, 200)}


def plain(found: Any) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {key: (tensor.dtype, tensor.shape, bytes(tensor.data)) for key, tensor in found.items()}


@pytest.fixture
def address(serve: Any, store: DirectoryStore, file: TokenFile) -> str:
    found: str = serve(None, LOOPBACK, weights=store, token_file=file)
    return found


@pytest.fixture
def weights(connect: Any, address: str) -> Weights:
    return network(connect(address))


def network(client: Any, **parts: Any) -> Weights:
    return Weights.of(client, experiment="e", is_folder_shared=False, **parts)


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Leads those who connect to a port to another one, as a network does; notes what was connected to."""
    led: dict[int, int] = {}
    connect_really = socket.create_connection

    def create_connection(address: tuple[str, int], **parts: Any) -> socket.socket:
        led.setdefault(address[1], address[1])
        to = led.get(0, led[address[1]])
        return connect_really((address[0], to), **parts)

    monkeypatch.setattr(direct.socket, "create_connection", create_connection)
    return led


@contextmanager
def begun(
    client: Any, request: Any = None, *, method: str = "UploadDirect", kind: Any = weights_pb2.UploadDirectResponse
) -> Iterator[tuple[Any, Any]]:
    """Begin a transfer by hand; gives its first answer and the stream of the others."""
    request = weights_pb2.UploadDirectRequest() if request is None else request
    stream = client.connection.pieces(f"{SERVICE}/{method}", request, timeout_s=30)
    try:
        yield kind.FromString(next(stream)), stream
    finally:
        stream.close()


def dial(told: Any, *, ticket: bytes | None = None) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", told.port), timeout=20)
    opened.sendall(told.ticket if ticket is None else ticket)
    return opened


def blob(values: int, *, seed: int = 0) -> tuple[str, bytes]:
    content = blob_header("F32", (values,)) + struct.pack("<f", seed) * values
    return blake3(content).hexdigest(), content


def head(digest: str, size: int, offset: int = 0) -> bytes:
    return weights_pb2.UploadRequest(digest=digest, size=size, offset=offset).SerializeToString()


# --- who connects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ticket", [bytes(32), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b""])
def test_stranger_gets_nothing(connect: Any, address: str, ticket: bytes) -> None:
    with begun(connect(address)) as (told, _), dial(told, ticket=ticket) as opened:
        with suppress(OSError):  # The port need not have waited for the end: it may have hung up already.
            opened.shutdown(socket.SHUT_WR)
        assert ended(opened) == b""


def ended(opened: socket.socket) -> bytes:
    """Return what still comes until the other side ends, one way or another."""
    found = b""
    with suppress(ConnectionError):
        while piece := opened.recv(1 << 16):
            found += piece
    return found


def test_ticket_is_good_for_one_connection(connect: Any, address: str) -> None:
    with begun(connect(address)) as (told, _), dial(told) as first, dial(told) as second:
        found = sorted((ended_or_proof(first), ended_or_proof(second)))
        assert found == [b"", told.proof]


def ended_or_proof(opened: socket.socket) -> bytes:
    try:
        return receive(opened, 32)
    except ConnectionError:
        return b""


def test_ticket_of_a_call_that_has_ended_is_not_good(connect: Any, address: str) -> None:
    with begun(connect(address)) as (told, _):
        pass

    def is_refused() -> bool:
        with dial(told) as opened:
            return ended_or_proof(opened) == b""

    assert eventually(is_refused)


def eventually(holds: Callable[[], bool]) -> bool:
    for _ in range(3_000):
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_ticket_that_nobody_uses_ends_the_call(connect: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_port, "_GREETING_S", 0.05)
    with begun(connect(address)) as (_, answers), pytest.raises(StateError, match="Nobody has connected"):
        list(answers)


def test_end_of_the_call_breaks_the_connection(connect: Any, address: str) -> None:
    with begun(connect(address)) as (told, _):
        opened = dial(told)
        assert receive(opened, 32) == told.proof
    with opened:
        assert ended(opened) == b""


def test_revoked_token_breaks_the_connection(
    connect: Any, address: str, file: TokenFile, store: DirectoryStore
) -> None:
    known = store.put(tensors(large=8_000_000), trial=0, experiment="e")
    token = generate_token()
    grant = make_grant(Scope.READ, token=token, now=time.time())
    file.add(grant)
    client = connect(address, token=token.reveal())
    request = weights_pb2.DownloadDirectRequest(download=weights_pb2.DownloadRequest(checkpoint=known))
    kind = weights_pb2.DownloadDirectResponse
    with begun(client, request, method="DownloadDirect", kind=kind) as (told, answers), dial(told) as opened:
        receive(opened, 1000)
        file.revoke(grant.id)
        with pytest.raises(UnauthenticatedError):
            list(answers)
        assert len(ended(opened)) < 32_000_000


def test_token_that_only_reads_uploads_nothing(connect: Any, address: str, file: TokenFile) -> None:
    token = generate_token()
    file.add(make_grant(Scope.READ, token=token, now=time.time()))
    with pytest.raises(PermissionError), begun(connect(address, token=token.reveal())):
        pass


def test_who_is_kept_to_an_experiment_cannot_claim_bytes_of_others(
    connect: Any, address: str, file: TokenFile, store: DirectoryStore
) -> None:
    """The caller goes along into the threads of the transfer: who knows a digest must send its bytes."""
    content = blob_header("F32", (500_000,)) + bytes(2_000_000)
    digest = blake3(content).hexdigest()
    store.put({"w": TensorData("F32", (500_000,), bytes(2_000_000))}, trial=0, experiment="other")
    token = generate_token()
    file.add(make_grant(Scope.WORKER, token=token, now=time.time(), experiments=("e",)))
    client = connect(address, token=token.reveal())
    wrong = content[:-1] + b"x"
    with begun(client) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        send_message(opened, head(digest, len(wrong)), then=wrong)
        send_message(opened, b"")
        with pytest.raises(DataLossError):
            list(answers)
    secret = store.put(tensors(3), trial=1, experiment="other")
    request = weights_pb2.DownloadDirectRequest(download=weights_pb2.DownloadRequest(checkpoint=secret))
    kind = weights_pb2.DownloadDirectResponse
    with pytest.raises(NotFoundError), begun(client, request, method="DownloadDirect", kind=kind):
        pass
    mine = network(client)
    assert plain(mine.get(mine.put(tensors(3), trial=2))) == plain(tensors(3))


def test_defect_of_the_server_ends_the_call_with_a_reason(
    connect: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(Sink, "put", fail)
    with begun(connect(address)) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        send_message(opened, head("0" * 64, 100), then=bytes(100))
        with pytest.raises(InternalError, match="KeyError"):
            list(answers)


def test_want_of_descriptors_is_waited_out(connect: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_port, "_REST_S", 0.05)
    accept, failed = socket.socket.accept, []

    def fail_once(self: socket.socket) -> Any:
        if not failed:
            failed.append(1)
            raise OSError(24, "Too many open files")
        return accept(self)

    monkeypatch.setattr(direct_port.socket.socket, "accept", fail_once)
    assert network(connect(address)).put(tensors(), trial=0)
    assert failed


# --- hostile bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"\xff\xff\xff\x7f", "at most"),
        (b"\x03\x00\x00\x00\xff\xff\xff", "UploadRequest"),
        (struct.pack("<I", len(head("../x", 9))) + head("../x", 9), "none; those have 64"),
        (struct.pack("<I", len(head("0" * 64, 3))) + head("0" * 64, 3) + bytes(3), "no size of a blob"),
        (struct.pack("<I", len(head("0" * 64, 2**50))) + head("0" * 64, 2**50) + bytes(2 << 20), "no size of a blob"),
        (struct.pack("<I", len(head("0" * 64, 99, 50))) + head("0" * 64, 99, 50) + bytes(49), "from 0 on are next"),
    ],
)
def test_hostile_bytes_are_refused_with_a_reason(connect: Any, address: str, sent: bytes, error: str) -> None:
    client = connect(address)
    with begun(client) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        with suppress(ConnectionError):
            send(opened, sent)
            send_message(opened, b"")
        with pytest.raises(Exception, match=error) as caught:
            list(answers)
    assert caught.type.__module__ == "nascore.errors"
    assert network(client).put(tensors(), trial=0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=400))
def test_noise_stores_nothing_and_harms_nobody(connect: Any, address: str, store: DirectoryStore, noise: bytes) -> None:
    client = connect(address)
    with begun(client) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        with suppress(OSError):
            opened.sendall(noise)
            opened.shutdown(socket.SHUT_WR)
        with suppress(Exception):
            list(answers)
    client.close()
    assert store.list() == ()


def test_other_bytes_than_those_of_the_digest_are_found(connect: Any, address: str) -> None:
    digest, content = blob(500_000)
    wrong = bytearray(content)
    wrong[1_234_567] ^= 1
    with begun(connect(address)) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        send_message(opened, head(digest, len(wrong)), then=bytes(wrong))
        send_message(opened, b"")
        with pytest.raises(DataLossError, match=digest):
            list(answers)


def test_upload_that_breaks_is_gone_on_with_where_it_ended(connect: Any, address: str) -> None:
    digest, content = blob(1_000_000)
    client = connect(address)
    with begun(client) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        send_message(opened, head(digest, len(content)), then=content[: 3 << 20])
        opened.shutdown(socket.SHUT_WR)
        with pytest.raises(UnavailableError, match="ended early"):
            list(answers)
    offset = network(client).absent({digest: len(content)})[digest]
    assert offset == 3 << 20
    with begun(client) as (told, answers), dial(told) as opened:
        receive(opened, 32)
        send_message(opened, head(digest, len(content), offset), then=content[offset:])
        send_message(opened, b"")
        last = weights_pb2.UploadDirectResponse.FromString(list(answers)[-1])
    assert (last.blobs, last.bytes) == (1, len(content) - offset)
    assert network(client).absent({digest: len(content)}) == {}


# --- the same bytes --------------------------------------------------------------------------------------------------


def test_direct_and_over_grpc_are_the_same_bytes(
    connect: Any, address: str, store: DirectoryStore, ports: dict[int, int]
) -> None:
    client, wanted = connect(address), tensors()
    known = network(client).put(wanted, trial=0)
    assert len(ports) == 1
    assert plain(store.get(known)) == plain(wanted)
    for is_direct in (True, False):
        taker = network(client, is_direct=is_direct)
        assert plain(taker.get(known)) == plain(wanted)
        assert plain(taker.get(known, keys=["large", "tied too"])) == {
            key: value for key, value in plain(wanted).items() if key in {"large", "tied too"}
        }
    assert network(client, is_direct=False).put(wanted, trial=0) == known
    buffer = bytearray(6_000_000)
    assert network(client).get(known, into={"large": buffer})["large"].data == buffer == wanted["large"].data


def test_store_in_object_storage_is_served_too(connect: Any, serve: Any, tmp_path: Path, ports: dict[int, int]) -> None:
    store = open_store(f"file://{tmp_path}/objects")
    weights = network(connect(serve(None, LOOPBACK, weights=store)))
    assert plain(weights.get(weights.put(tensors(), trial=0))) == plain(tensors())
    assert ports
    store.close()


def test_little_goes_over_grpc(weights: Weights, ports: dict[int, int]) -> None:
    known = weights.put({"w": TensorData("U8", (1 << 20,), bytes(1 << 20))}, trial=0)
    assert len(weights.get(known)) == 1
    assert not ports


def test_with_tls_and_certificates_of_both(
    connect: Any, serve: Any, store: DirectoryStore, certificates: Any, ports: dict[int, int]
) -> None:
    pem, key = certificates.certificate, certificates.key
    tls = ServerTls(pem("server"), key("server"), client_roots=pem("root"))
    address = serve(None, LOOPBACK, weights=store, tls=tls)
    client = connect(address, tls=ClientTls(pem("root"), pem("worker"), key("worker")))
    weights = network(client)
    known = weights.put(tensors(), trial=0)
    assert plain(weights.get(known)) == plain(tensors()) == plain(store.get(known))
    assert ports
    assert weights._direct.is_worth(1 << 30)
    with begun(client) as (told, _), dial(told) as opened:  # In plain text.
        assert told.proof not in ended(opened)


# --- what breaks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 20, 70, 40_000, 1_000_000, 5_000_000])
def test_put_and_get_go_on_after_a_break(
    connect: Any, address: str, store: DirectoryStore, ports: dict[int, int], after: int
) -> None:
    client, wanted = connect(address, patience_s=60), tensors()
    made: list[Any] = []
    with begun(client) as (told, _):
        port = told.port
    with ProxyThread(f"127.0.0.1:{port}") as proxy:
        ports[0] = int(proxy.address.rpartition(":")[2])
        for move in (lambda: network(client).put(wanted, trial=0), lambda: network(client).get(store.list()[0])):
            proxy.truncate(after)
            mending = threading.Thread(target=lambda: eventually(lambda: not proxy.connections) and proxy.restore())
            accepted = proxy.accepted
            made.clear()
            moving = threading.Thread(target=lambda move=move: made.append(move()))
            moving.start()
            assert eventually(lambda accepted=accepted: proxy.accepted > accepted)
            mending.start()
            moving.join()
            mending.join()
            assert made
        assert plain(made[0]) == plain(wanted) == plain(store.get(store.list()[0]))


def test_changed_bytes_on_the_way_are_found(
    connect: Any, address: str, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = store.put(tensors(), trial=0, experiment="e")
    weights = network(connect(address))
    weights.manifest(known)
    flip = {"at": 0}
    really = socket.socket.recv_into

    class Changing(socket.socket):
        def recv_into(self, buffer: Any, *rest: Any) -> int:
            count = really(self, buffer, *rest)
            if flip["at"] >= 0 and len(buffer) > 1000:
                memoryview(buffer)[count // 2] ^= 4
                flip["at"] = -1
            return count

    def create_connection(address: tuple[str, int], timeout: float) -> socket.socket:
        opened = Changing(socket.AF_INET, socket.SOCK_STREAM)
        opened.settimeout(timeout)
        opened.connect(address)
        return opened

    monkeypatch.setattr(direct.socket, "create_connection", create_connection)
    with pytest.raises(DataLossError):
        weights.get(known)
    assert plain(weights.get(known)) == plain(tensors())


def test_file_that_was_cut_is_told_as_such(connect: Any, address: str, store: DirectoryStore) -> None:
    known = store.put(tensors(), trial=0, experiment="e")
    entry = next(entry for entry in store.manifest(known).entries if entry.key == "large")
    with store.open_blob(entry.digest) as reader:
        assert reader.place is not None
        place = reader.place.file
    place.write_bytes(place.read_bytes()[:-100])
    with pytest.raises(DataLossError, match="shorter than it was"):
        network(connect(address)).get(known)


def test_full_quota_is_the_same_error(weights: Weights, store: DirectoryStore) -> None:
    store.set_quota("e", 1_000_000)
    with pytest.raises(ExhaustedResourceError, match="quota is 1,000,000"):
        weights.put(tensors(), trial=0)


# --- where there is none ---------------------------------------------------------------------------------------------


def test_unreachable_port_costs_one_try(
    connect: Any, address: str, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def refuse(address: tuple[str, int], **_: Any) -> socket.socket:
        tries.append(address[1])
        raise TimeoutError("timed out")

    monkeypatch.setattr(direct.socket, "create_connection", refuse)
    weights = network(connect(address))
    known = weights.put(tensors(), trial=0)
    assert plain(weights.get(known)) == plain(tensors()) == plain(store.get(known))
    assert len(tries) == 1


def test_somebody_else_at_the_port_learns_nothing(
    connect: Any, address: str, store: DirectoryStore, ports: dict[int, int]
) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports[0] = other.getsockname()[1]

        def listen() -> None:
            taken, _ = other.accept()
            with taken:
                taken.sendall(secrets.token_bytes(32))
                heard.append(ended(taken))

        thread = threading.Thread(target=listen)
        thread.start()
        known = network(connect(address)).put(tensors(), trial=0)
        thread.join()
    assert len(heard[0]) == 32
    assert plain(store.get(known)) == plain(tensors())


def test_server_without_a_port_or_older_than_it_is_no_trouble(
    connect: Any, serve: Any, store: DirectoryStore, ports: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(serve(None, LOOPBACK, weights=store, data_port=None))
    weights = network(client)
    assert plain(weights.get(weights.put(tensors(), trial=0))) == plain(tensors())
    pieces = client.connection.pieces

    def older(method: str, *arguments: Any, **named: Any) -> Any:
        if method.endswith("Direct"):
            raise UnsupportedError("there is no such call")
        yield from pieces(method, *arguments, **named)

    monkeypatch.setattr(client.connection, "pieces", older)
    weights = network(client)
    assert plain(weights.get(weights.put(tensors(1), trial=1))) == plain(tensors(1))
    assert not ports


def test_answer_that_is_none_is_data_loss(connect: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(address)
    weights = network(client)
    pieces = client.connection.pieces

    def garbled(method: str, *arguments: Any, **named: Any) -> Any:
        return iter([b"\xff"]) if method.endswith("Direct") else pieces(method, *arguments, **named)

    def closable(method: str, *arguments: Any, **named: Any) -> Any:
        yield from garbled(method, *arguments, **named)

    monkeypatch.setattr(client.connection, "pieces", closable)
    with pytest.raises(DataLossError, match="is not a UploadDirectResponse"):
        weights.put(tensors(), trial=0)


def test_port_in_use_is_named(serve: Any, store: DirectoryStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Exception, match=f"Cannot listen at port {port} .*--data-port"):
            serve(None, LOOPBACK, weights=store, data_port=port)


def test_plain_stub_downloads_directly(connect: Any, address: str, store: DirectoryStore) -> None:
    """What the .proto file says is all that a program in another language needs."""
    wanted = tensors()
    known = store.put(wanted, trial=0, experiment="e")
    entries = {entry.digest: entry for entry in store.manifest(known).entries}
    request = weights_pb2.DownloadDirectRequest(download=weights_pb2.DownloadRequest(checkpoint=known))
    found: dict[str, bytes] = {}
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_stream(
            f"{SERVICE}/DownloadDirect",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=weights_pb2.DownloadDirectResponse.FromString,
        )(request, metadata=[("authorization", f"Bearer {TOKEN}")])
        told = next(call)
        with dial(told) as opened:
            assert receive(opened, 32) == told.proof
            while raw := receive_message(opened):
                message = weights_pb2.DownloadResponse.FromString(raw)
                for one in message.small:
                    found[one.digest] = one.content
                if message.digest:
                    found[message.digest] = receive(opened, message.size - message.offset)
        list(call)
    assert {blake3(content).hexdigest() for content in found.values()} == set(found) == set(entries)
