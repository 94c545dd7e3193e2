"""Requests that were damaged at random, for every rpc of the weight service: each ends with a clear status."""

import random
from pathlib import Path
from typing import Any

import grpc
import pytest
from nascore.service.weights import direct_port
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.access import entry_of
from nascore.weights.chunk_wire import framed
from nascore.weights.safetensors import blob_header

METHODS = list(weights_pb2.DESCRIPTOR.services_by_name["WeightService"].methods)
TOKEN = [("authorization", "Bearer a-token-of-the-tests")]
UNCLEAR = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
TIMES = 60


def valid(store: DirectoryStore) -> dict[str, list[bytes]]:
    """Return a valid request or two of each rpc, some of them about what is there."""
    tensor = TensorData("F32", (4, 2), bytes(range(32)))
    known = store.put({"k": tensor}, trial=1, experiment="e", name="best")
    digest, content = entry_of("k", tensor).digest, blob_header("F32", (4, 2)) + tensor.data
    spec = weights_pb2.TensorSpec(key="k", data_type="DATA_TYPE_F32", shape=[4, 2])
    table: dict[str, Any] = {"experiment": "e", "table": "t"}
    manifest = store.manifest(known).to_bytes()
    messages = {
        "StatBlobs": [weights_pb2.StatBlobsRequest(blobs=[weights_pb2.BlobWanted(digest=digest, size=2**21)])],
        "Commit": [weights_pb2.CommitRequest(manifest_json=manifest, experiment="e", name="best", request_id="r")],
        "GetManifest": [weights_pb2.GetManifestRequest(checkpoint=known)],
        "ListCheckpoints": [weights_pb2.ListCheckpointsRequest(experiment="e", trial=1, page_size=3, page_token="1")],
        "GetLineage": [weights_pb2.GetLineageRequest(checkpoint=known, depth=3)],
        "Download": [weights_pb2.DownloadRequest(checkpoint=known, keys=["k"], resume_digest=digest, resume_offset=9)],
        "UploadDirect": [b"\x08\x01"],
        "DownloadDirect": [
            weights_pb2.DownloadDirectRequest(download=weights_pb2.DownloadRequest(checkpoint=known, keys=["k"]))
        ],
        "Inherit": [
            weights_pb2.InheritRequest(
                experiment="e", parents=[known], tensors=[spec], rules_json='{"preset":"slice"}', request_id="i"
            )
        ],
        "ListNames": [weights_pb2.ListNamesRequest(experiment="e", name="best")],
        "RemoveName": [weights_pb2.RemoveNameRequest(experiment="e", name="best", if_match="x")],
        "Pin": [weights_pb2.PinRequest(checkpoint=known, is_pinned=True)],
        "Release": [
            weights_pb2.ReleaseRequest(experiment="e", keep_best=weights_pb2.KeepBest(metric="loss", n=1)),
            weights_pb2.ReleaseRequest(checkpoint=known),
        ],
        "Retain": [weights_pb2.RetainRequest(experiment="e", best=1)],
        "SetQuota": [weights_pb2.SetQuotaRequest(experiment="e", quota=10**9)],
        "GetUsage": [weights_pb2.GetUsageRequest(experiment="e")],
        "Collect": [weights_pb2.CollectRequest(stale_after_s=1.0)],
        "Verify": [weights_pb2.VerifyRequest(checkpoint=known)],
        "GetPlace": [weights_pb2.GetPlaceRequest()],
        "OpenTable": [weights_pb2.OpenTableRequest(**table, tensors=[spec], rule="UPDATE_RULE_SUM", rate=1.0)],
        "Push": [weights_pb2.PushRequest(**table, worker="w", request_id="p", size=32, data=bytes(32))],
        "Pull": [weights_pb2.PullRequest(**table, tensors=[0])],
        "SnapshotTable": [weights_pb2.SnapshotTableRequest(**table, trial=1, notes_json="{}", request_id="s")],
        "DropTable": [weights_pb2.DropTableRequest(**table)],
    }
    pieces = [
        framed(digest, len(content), 0, content),
        weights_pb2.UploadRequest(small=[weights_pb2.SmallBlob(digest=digest, content=content)]).SerializeToString(),
        weights_pb2.UploadRequest(digest=digest, size=len(content), offer="0" * 32).SerializeToString(),
    ]
    serialized = {name: [serialized_one(one) for one in found] for name, found in messages.items()}
    return serialized | {"Upload": pieces}


def serialized_one(request: Any) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """Flip, cut, repeat or insert bytes."""
    data = bytearray(raw)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if at < len(data):
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(8)]
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            case _:
                data[at:at] = data[: rng.randrange(40)]
    return bytes(data)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_damaged_requests_end_with_a_clear_status(
    serve: Any, tmp_path: Path, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_port, "_GREETING_S", 0.0)
    store = DirectoryStore(tmp_path / "weights")
    requests = valid(store)
    rng = random.Random(method.name)
    with grpc.insecure_channel(serve(None, "127.0.0.1:0", weights=store)) as channel:
        call = channel.stream_stream(f"/nascore.v1.WeightService/{method.name}")
        if method.name in {"Push", "Pull", "SnapshotTable"}:
            opened = channel.unary_unary("/nascore.v1.WeightService/OpenTable")
            opened(requests["OpenTable"][0], metadata=TOKEN, timeout=20)
        for number in range(TIMES):
            raw = rng.choice(requests[method.name])
            status, details = ended(call, damaged(raw, rng) if number else raw)
            assert status not in UNCLEAR, (details, raw)
            assert status is grpc.StatusCode.OK or details
    assert store.verify() == ()


def ended(call: Any, raw: bytes) -> tuple[grpc.StatusCode, str]:
    try:
        for _ in call(iter([raw]), metadata=TOKEN, timeout=20):
            pass
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""
