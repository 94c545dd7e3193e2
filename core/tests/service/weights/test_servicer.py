"""The weight service over a real socket: hostile input first, then what goes over the wire and what is left behind."""

import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from blake3 import blake3
from google.rpc import error_details_pb2, status_pb2
from hypothesis import example, given
from hypothesis import strategies as st
from nascore.client import Client
from nascore.errors import DataLossError, InvalidInputError
from nascore.service.weights.small_blobs import SmallBlobs
from nascore.service.weights.source import FIRST_PIECE, LARGEST_PIECE, next_size
from nascore.v1 import weights_pb2, weights_pb2_grpc
from nascore.weights import DirectoryStore, Entry, Manifest, TensorData, blob_header
from nascore.weights.chunk_wire import framed, read_chunk

TOKEN = [("authorization", "Bearer a-token-of-the-tests")]
SERVICE = "/nascore.v1.WeightService"
NONE = "0" * 64


@pytest.fixture
def stub(serve: Any, store: DirectoryStore) -> Any:
    """A plain stub, as anybody makes it of the .proto file."""
    with grpc.insecure_channel(serve(None, weights=store)) as channel:
        yield Plain(channel)


class Plain:
    """A plain stub that sends the token."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = weights_pb2_grpc.WeightServiceStub(channel)

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._stub, name)
        return lambda request: call(request, metadata=TOKEN, timeout=20)


def blob(values: int, *, seed: int = 0) -> tuple[str, bytes]:
    content = blob_header("F32", (values,)) + struct.pack("<f", seed) * values
    return blake3(content).hexdigest(), content


def data_of(content: bytes) -> bytes:
    return content[8 + int.from_bytes(content[:8], "little") :]


def pieces(digest: str, content: bytes, *, size: int = 1 << 20, begin: int = 0) -> list[weights_pb2.UploadRequest]:
    chunks = [(at, content[at : at + size]) for at in range(begin, len(content), size)]
    return [weights_pb2.UploadRequest.FromString(framed(digest, len(content), offset, data)) for offset, data in chunks]


def manifest(*blobs: tuple[str, bytes], trial: int = 0) -> Manifest:
    sizes = [len(data_of(content)) for _, content in blobs]
    return Manifest(
        trial,
        tuple(
            Entry(f"k{place}", "F32", (size // 4,), digest, size)
            for place, ((digest, _), size) in enumerate(zip(blobs, sizes, strict=True))
        ),
    )


def committing(manifest: Manifest, request_id: str = "r", **fields: Any) -> weights_pb2.CommitRequest:
    return weights_pb2.CommitRequest(manifest_json=manifest.to_bytes(), experiment="e", request_id=request_id, **fields)


def ended(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Make a call, read all of a stream, and return code, message and facts."""
    try:
        answer = call()
        list(answer) if hasattr(answer, "cancel") else None
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        info = error_details_pb2.ErrorInfo()
        for detail in status_pb2.Status.FromString(details).details:
            detail.Unpack(info)
        return error.code(), error.details(), dict(info.metadata)
    return grpc.StatusCode.OK, "", {}


LONG = "x" * 300
HOSTILE = [
    ("StatBlobs", weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest="../../etc/passwd")])),
    ("StatBlobs", weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest=NONE)] * 10_001)),
    ("StatBlobs", weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest=NONE, size=2**63)])),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r")),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_json=b"{")),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_json=b"[" * 100_000)),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_json=b" " * (3 << 20) + b"{}")),
    ("Commit", weights_pb2.CommitRequest(experiment="", request_id="r", manifest_json=b"{}")),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="", manifest_json=b"{}")),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_blob=NONE)),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_blob=NONE, manifest_size=2**40)),
    ("Commit", weights_pb2.CommitRequest(experiment="e", request_id="r", manifest_blob="..", manifest_size=9)),
    ("Commit", committing(Manifest(0, ()), name="a\nb")),
    ("Commit", committing(Manifest(0, ()), if_match="etag")),
    ("GetManifest", weights_pb2.GetManifestRequest(checkpoint="../../x")),
    ("GetManifest", weights_pb2.GetManifestRequest()),
    ("GetManifest", weights_pb2.GetManifestRequest(checkpoint="0" * 32, name="n", experiment="e")),
    ("ListCheckpoints", weights_pb2.ListCheckpointsRequest(page_size=1001)),
    ("ListCheckpoints", weights_pb2.ListCheckpointsRequest(page_token="1; DROP TABLE blobs")),
    ("ListCheckpoints", weights_pb2.ListCheckpointsRequest(trial=2**63)),
    ("GetLineage", weights_pb2.GetLineageRequest(checkpoint="0" * 32, depth=1001)),
    ("Download", weights_pb2.DownloadRequest(checkpoint="..")),
    ("Inherit", weights_pb2.InheritRequest(experiment="e", request_id="r")),
    ("Inherit", weights_pb2.InheritRequest(experiment="e", request_id="r", parents=["0" * 32] * 65)),
    ("Inherit", weights_pb2.InheritRequest(experiment="e", request_id="r", parents=["0" * 32], rules_json="[")),
    (
        "Inherit",
        weights_pb2.InheritRequest(
            experiment="e", request_id="r", parents=["0" * 32], tensors=[weights_pb2.TensorSpec(key="k", data_type=99)]
        ),
    ),
    ("ListNames", weights_pb2.ListNamesRequest(experiment=LONG)),
    ("RemoveName", weights_pb2.RemoveNameRequest(experiment="e")),
    ("Pin", weights_pb2.PinRequest(checkpoint="*")),
    ("Release", weights_pb2.ReleaseRequest(experiment="e")),
    ("Release", weights_pb2.ReleaseRequest(checkpoint="all")),
    ("SetQuota", weights_pb2.SetQuotaRequest(experiment="e", quota=2**63)),
    ("Collect", weights_pb2.CollectRequest(stale_after_s=float("nan"))),
    ("Collect", weights_pb2.CollectRequest(stale_after_s=-1)),
    ("Verify", weights_pb2.VerifyRequest(checkpoint="../..")),
]


@pytest.mark.parametrize(("name", "request_"), HOSTILE, ids=[f"{n}-{i}" for i, (n, _) in enumerate(HOSTILE)])
def test_hostile_request_is_refused_with_a_clear_status(stub: Any, store: DirectoryStore, name: str, request_: Any):
    status, details, _ = ended(lambda: getattr(stub, name)(request_))
    assert status is grpc.StatusCode.INVALID_ARGUMENT, details
    assert details
    assert not list(store.folder.rglob("*.part"))


@pytest.mark.parametrize(
    "pieces_",
    [
        [weights_pb2.UploadRequest(digest="../../x", size=9, data=b"x")],
        [weights_pb2.UploadRequest(digest=NONE, data=b"", crc32c=0)],
        [weights_pb2.UploadRequest(digest=NONE, size=8)],
        [weights_pb2.UploadRequest(digest=NONE, size=2**41)],
        [weights_pb2.UploadRequest(digest=NONE, size=100, offer="../" * 8)],
        [weights_pb2.UploadRequest(digest=NONE, size=100, offer="0" * 32)],
        [weights_pb2.UploadRequest(offered=[weights_pb2.BlobWanted(digest=NONE, size=9)])],
        [weights_pb2.UploadRequest(offer="0" * 32, offered=[weights_pb2.BlobWanted(digest=NONE, size=9)])],
        [weights_pb2.UploadRequest(offer="0" * 32, offered=[weights_pb2.BlobWanted(digest="../../x")])],
        [weights_pb2.UploadRequest(offer="0" * 32, offered=[weights_pb2.BlobWanted(digest=NONE)] * 65)],
        pieces(NONE, b"x" * (3 << 20), size=3 << 20),
    ],
)
def test_hostile_piece_is_refused(stub: Any, store: DirectoryStore, pieces_: list[Any]) -> None:
    assert ended(lambda: stub.Upload(iter(pieces_)))[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert not store.folder.exists() or sum(file.stat().st_size for file in store.folder.rglob("*.part")) == 0


def test_malformed_bytes_are_an_invalid_argument(serve: Any, store: DirectoryStore) -> None:
    with grpc.insecure_channel(serve(None, weights=store)) as channel:
        for name in ("Upload", "Commit", "StatBlobs", "Download", "Push"):
            call = channel.stream_stream(f"{SERVICE}/{name}")
            status, _, _ = ended(lambda call=call: call(iter([b"\xff\xfe\xfd"]), metadata=TOKEN, timeout=20))
            assert status is grpc.StatusCode.INVALID_ARGUMENT, name


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(stub: Any, store: DirectoryStore) -> None:
    request = weights_pb2.UploadRequest(digest=NONE, size=2**40, data=b"")
    status, details, _ = ended(lambda: stub.Upload(iter([request])))
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "free" in details or "limit" in details
    assert sum(file.stat().st_size for file in store.folder.rglob("*.part")) == 0


def test_flipped_bit_is_data_loss_and_the_upload_goes_on_from_where_it_was(stub: Any, store: DirectoryStore) -> None:
    digest, content = blob(1_000_000)
    sent = pieces(digest, content)
    sent[2].data = sent[2].data[:-1] + b"\xff"
    status, details, _ = ended(lambda: stub.Upload(iter(sent)))
    assert status is grpc.StatusCode.DATA_LOSS
    assert "were changed on the way" in details
    asked = weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest=digest, size=len(content))])
    (state,) = stub.StatBlobs(asked).blobs
    assert not state.is_present
    assert state.offset in {0, 1 << 20, 2 << 20}  # Of pieces that came together with the bad one none need be kept.
    answer = stub.Upload(iter(pieces(digest, content, begin=state.offset)))
    assert (answer.blobs, answer.bytes) == (1, len(content) - state.offset)
    assert stub.StatBlobs(asked).blobs[0].is_present


def test_bytes_of_another_blob_are_data_loss(stub: Any) -> None:
    digest, content = blob(100)
    other = blob(100, seed=1)[1]
    assert ended(lambda: stub.Upload(iter(pieces(digest, other))))[0] is grpc.StatusCode.DATA_LOSS
    assert stub.Upload(iter(pieces(digest, content))).blobs == 1


def test_bytes_that_are_no_blob_are_refused(stub: Any) -> None:
    content = b"no safetensors, but with the right digest"
    digest = blake3(content).hexdigest()
    assert ended(lambda: stub.Upload(iter(pieces(digest, content))))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_gap_between_pieces_is_refused(stub: Any) -> None:
    digest, content = blob(100_000)
    sent = pieces(digest, content, size=100_000)
    status, details, _ = ended(lambda: stub.Upload(iter([sent[0], sent[2]])))
    assert status is grpc.StatusCode.FAILED_PRECONDITION
    assert "are next" in details


# --- the wire ------------------------------------------------------------------------------------------------------


@given(size=st.integers(0, 2**64 - 1), offset=st.integers(0, 2**64 - 1), data=st.binary(max_size=300))
def test_framed_piece_is_what_protobuf_writes_and_reads(size: int, offset: int, data: bytes) -> None:
    raw = framed(NONE, size, offset, data)
    for kind in (weights_pb2.UploadRequest, weights_pb2.DownloadResponse):
        message = kind.FromString(raw)
        assert (message.digest, message.size, message.offset, message.data) == (NONE, size, offset, data)
        again = read_chunk(message.SerializeToString(deterministic=True))
        assert (again.size, again.offset, bytes(again.data)) == (size, offset, data)
        assert not data or message.SerializeToString(deterministic=True) == raw


@given(data=st.binary(min_size=1, max_size=200), bit=st.integers(0, 10_000))
@example(data=b"\xb0\x00\x00%\x00\x00\x00\x00", bit=1300)  # The data become a small blob.
def test_flipped_bit_of_a_piece_is_found_or_changes_no_byte_of_data(data: bytes, bit: int) -> None:
    raw = bytearray(framed(NONE, 500, 3, data))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    try:
        chunk = read_chunk(bytes(raw))
    except (InvalidInputError, DataLossError):
        return
    assert bytes(chunk.data) == data


def test_plain_stub_of_another_peer_puts_and_gets_the_same_bytes(stub: Any, store: DirectoryStore) -> None:
    blobs = [blob(700_000), blob(10, seed=2)]
    sent = [piece for digest, content in blobs for piece in pieces(digest, content)]
    assert stub.Upload(iter(sent)).blobs == 2
    checkpoint = stub.Commit(committing(manifest(*blobs))).checkpoint
    content = b"".join(part.data for part in stub.GetManifest(weights_pb2.GetManifestRequest(checkpoint=checkpoint)))
    assert blake3(content).hexdigest()[:32] == checkpoint
    got: dict[str, bytes] = {}
    for part in stub.Download(weights_pb2.DownloadRequest(checkpoint=checkpoint)):
        assert part.offset == len(got.get(part.digest, b""))
        got[part.digest] = got.get(part.digest, b"") + part.data
    assert got == dict(blobs)
    assert {key: bytes(tensor.data) for key, tensor in store.get(checkpoint).items()} == {
        f"k{place}": data_of(content) for place, (_, content) in enumerate(blobs)
    }


def test_download_is_resumed_where_the_caller_says(stub: Any) -> None:
    blobs = [blob(1000, seed=seed) for seed in range(4)]
    stub.Upload(iter([piece for one in blobs for piece in pieces(*one)]))
    checkpoint = stub.Commit(committing(manifest(*blobs))).checkpoint
    digest, content = blobs[2]
    request = weights_pb2.DownloadRequest(checkpoint=checkpoint, resume_digest=digest, resume_offset=1000)
    parts = list(stub.Download(request))
    assert [(part.digest, part.offset) for part in parts] == [(digest, 1000), (blobs[3][0], 0)]
    assert parts[0].data == content[1000:]
    request.resume_offset = len(content)
    assert [part.digest for part in stub.Download(request)] == [blobs[3][0]]
    request.resume_digest = NONE
    assert ended(lambda: stub.Download(request))[0] is grpc.StatusCode.NOT_FOUND


def test_download_gives_keys_prefixes_and_not_what_is_known(stub: Any) -> None:
    blobs = [blob(10, seed=seed) for seed in range(4)]
    stub.Upload(iter([piece for one in blobs for piece in pieces(*one)]))
    checkpoint = stub.Commit(committing(manifest(*blobs))).checkpoint

    def got(**fields: Any) -> list[str]:
        return [part.digest for part in stub.Download(weights_pb2.DownloadRequest(checkpoint=checkpoint, **fields))]

    digests = [digest for digest, _ in blobs]
    assert got(keys=["k3", "k1"]) == [digests[1], digests[3]]
    assert got(prefix="k") == digests
    assert got(known_digests=digests[:3]) == digests[3:]
    assert ended(lambda: stub.Download(weights_pb2.DownloadRequest(checkpoint=checkpoint, keys=["no"])))[0] is (
        grpc.StatusCode.NOT_FOUND
    )


def test_reader_who_is_slow_gets_small_pieces_and_who_is_quick_large_ones() -> None:
    assert next_size(FIRST_PIECE, taken_s=9.0) == FIRST_PIECE
    assert next_size(LARGEST_PIECE, taken_s=9.0) == LARGEST_PIECE // 2
    assert next_size(LARGEST_PIECE, taken_s=0.0) == LARGEST_PIECE
    assert next_size(FIRST_PIECE, taken_s=0.0) == 2 * FIRST_PIECE


# --- commits -------------------------------------------------------------------------------------------------------


def test_commit_of_missing_blobs_says_how_many_and_which(stub: Any) -> None:
    blobs = [blob(4, seed=seed) for seed in range(40)]
    status, _, facts = ended(lambda: stub.Commit(committing(manifest(*blobs))))
    assert status is grpc.StatusCode.FAILED_PRECONDITION
    assert facts["missing"] == "40"
    assert set(facts["digests"].split()) < {digest for digest, _ in blobs}


def test_moved_name_tells_its_etag_and_is_moved_with_it(stub: Any) -> None:
    first = stub.Commit(committing(manifest(), name="best"))
    status, _, facts = ended(
        lambda: stub.Commit(committing(manifest(trial=1), request_id="s", name="best", create_only=True))
    )
    assert (status, facts["etag"]) == (grpc.StatusCode.ALREADY_EXISTS, first.etag)
    moved = stub.Commit(committing(manifest(trial=1), request_id="t", name="best", if_match=facts["etag"]))
    assert moved.etag != first.etag


def test_commit_is_repeated_under_its_request_id(stub: Any, store: DirectoryStore) -> None:
    first, again = (stub.Commit(committing(manifest(), name="best")) for _ in range(2))
    assert first == again
    assert len(store.checkpoints().checkpoints) == 1
    status, _, _ = ended(lambda: stub.Commit(committing(manifest(trial=1), name="best")))
    assert status is grpc.StatusCode.ALREADY_EXISTS


def test_quota_refuses_and_heals(stub: Any) -> None:
    stub.SetQuota(weights_pb2.SetQuotaRequest(experiment="e", quota=1000))
    large = blob(1000)
    stub.Upload(iter(pieces(*large)))
    status, details, _ = ended(lambda: stub.Commit(committing(manifest(large))))
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "quota" in details
    assert not stub.ListCheckpoints(weights_pb2.ListCheckpointsRequest()).checkpoints
    stub.SetQuota(weights_pb2.SetQuotaRequest(experiment="e"))
    assert stub.Commit(committing(manifest(large), request_id="s")).checkpoint


# --- what is left behind -------------------------------------------------------------------------------------------


def test_callers_who_leave_free_everything(serve: Any, store: DirectoryStore, loop: Any) -> None:
    large = store.put({"k": TensorData("U8", (8 << 20,), bytes(8 << 20))}, trial=0)
    address = serve(None, weights=store)
    before = descriptors()
    digest, content = blob(1_000_000, seed=3)
    for _ in range(5):
        with grpc.insecure_channel(address) as channel:
            plain = Plain(channel)
            download = plain.Download(weights_pb2.DownloadRequest(checkpoint=large))
            next(download)
            download.cancel()
            held = iter([*pieces(digest, content)[:2]])
            upload = channel.stream_stream(f"{SERVICE}/Upload")(
                (piece.SerializeToString() for piece in held), metadata=TOKEN
            )
            upload.cancel()
    with Client(address, token="a-token-of-the-tests", patience_s=20) as client:
        client.wait_until_serving(20)
    settled(lambda: descriptors() <= before + 4)


def descriptors() -> int:
    """How many are open; those of the index do not count, which keeps as many as it ever needed at once."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(descriptor.readlink().name)
    return sum(not name.startswith("index.db") for name in found)


def settled(is_done: Any) -> None:
    """Wait until something has come about; the time limit of the test is the only one."""
    while not is_done():
        time.sleep(0.01)


def test_server_without_weights_says_that_it_has_none(serve: Any) -> None:
    with grpc.insecure_channel(serve(None)) as channel:
        status = grpc.StatusCode.OK
        try:
            Plain(channel).GetPlace(weights_pb2.GetPlaceRequest())
        except grpc.RpcError as error:
            status = error.code()
        assert status is grpc.StatusCode.UNIMPLEMENTED


def test_descriptor_that_the_writer_still_holds_reaches_no_committed_blob(stub: Any, store: DirectoryStore) -> None:
    place = stub.GetPlace(weights_pb2.GetPlaceRequest())
    assert Path(place.folder, place.nonce_file).read_bytes() == place.nonce
    digest, content = blob(100_000)
    folder = Path(place.folder, "offers", "0" * 32)
    folder.mkdir()
    with Path(folder, digest).open("w+b") as held:
        held.write(content)
        held.flush()
        request = weights_pb2.UploadRequest(digest=digest, size=len(content), offer="0" * 32)
        assert stub.Upload(iter([request])).blobs == 1
        checkpoint = stub.Commit(committing(manifest((digest, content)))).checkpoint
        held.seek(100)
        held.write(b"\xff" * 1000)
        held.flush()
    assert bytes(store.get(checkpoint)["k0"].data) == data_of(content)
    assert store.verify() == ()


def test_several_blobs_are_offered_in_one_message_and_each_is_proven(stub: Any, store: DirectoryStore) -> None:
    place = stub.GetPlace(weights_pb2.GetPlaceRequest())
    blobs = [blob(1000, seed=seed) for seed in range(3)]
    folder = Path(place.folder, "offers", "0" * 32)
    folder.mkdir()
    for digest, content in blobs:
        Path(folder, digest).write_bytes(content)
    Path(folder, blobs[1][0]).write_bytes(b"x" * len(blobs[1][1]))
    offered = [weights_pb2.BlobWanted(digest=digest, size=len(content)) for digest, content in blobs]
    request = weights_pb2.UploadRequest(offer="0" * 32, offered=offered)
    assert ended(lambda: stub.Upload(iter([request])))[0] is grpc.StatusCode.DATA_LOSS
    Path(folder, blobs[1][0]).write_bytes(blobs[1][1])
    answer = stub.Upload(iter([request]))
    assert (answer.blobs, answer.bytes) == (3, sum(len(content) for _, content in blobs))
    assert stub.Commit(committing(manifest(*blobs))).checkpoint in store.list()


def test_offer_of_other_bytes_is_data_loss(stub: Any) -> None:
    place = stub.GetPlace(weights_pb2.GetPlaceRequest())
    digest, content = blob(1000)
    folder = Path(place.folder, "offers", "0" * 32)
    folder.mkdir()
    Path(folder, digest).write_bytes(content[:-1] + b"\x01")
    request = weights_pb2.UploadRequest(digest=digest, size=len(content), offer="0" * 32)
    assert ended(lambda: stub.Upload(iter([request])))[0] is grpc.StatusCode.DATA_LOSS
    Path(folder, digest).unlink()
    Path(folder, digest).symlink_to("/etc/hostname")
    assert ended(lambda: stub.Upload(iter([request])))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_offer_of_a_caller_who_died_is_collected(stub: Any) -> None:
    place = stub.GetPlace(weights_pb2.GetPlaceRequest())
    folder = Path(place.folder, "offers", "0" * 32)
    folder.mkdir()
    (folder / NONE).write_bytes(bytes(1000))
    assert stub.Collect(weights_pb2.CollectRequest()).stagings == 0
    freed = stub.Collect(weights_pb2.CollectRequest(stale_after_s=0))
    assert (freed.stagings, freed.bytes) == (1, 1000)
    assert not folder.exists()
    assert Path(place.folder, place.nonce_file).read_bytes() == place.nonce


def test_small_blobs_come_and_go_together_and_are_proven(stub: Any, store: DirectoryStore) -> None:
    blobs = [blob(seed + 1, seed=seed) for seed in range(30)]
    rows = [weights_pb2.SmallBlob(digest=digest, content=content) for digest, content in blobs]
    wrong = weights_pb2.SmallBlob(digest=blobs[0][0], content=blobs[1][1])
    assert ended(lambda: stub.Upload(iter([weights_pb2.UploadRequest(small=[wrong])])))[0] is grpc.StatusCode.DATA_LOSS
    assert stub.Upload(iter([weights_pb2.UploadRequest(small=rows)])).blobs == 30
    assert not list(store.folder.rglob("*.ready"))
    checkpoint = stub.Commit(committing(manifest(*blobs))).checkpoint
    (answer,) = stub.Download(weights_pb2.DownloadRequest(checkpoint=checkpoint, takes_small=True))
    assert [(row.digest, row.content) for row in answer.small] == blobs
    assert store.verify() == ()


def test_small_blobs_that_waited_too_long_are_missing_and_are_sent_again() -> None:
    few = SmallBlobs(limit=10_000)
    blobs = [blob(500, seed=seed) for seed in range(10)]
    for digest, content in blobs:
        few.take(digest, content)
    found = few.found([digest for digest, _ in blobs])
    assert 1 < len(found) < 5
    assert blobs[-1][0] in found
    few.forget(found)
    assert not few.found(found)


@pytest.mark.parametrize("content", [b"", b"x" * (70 << 10), b"not a blob"])
def test_what_is_no_small_blob_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        SmallBlobs().take(blake3(content).hexdigest(), content)
