"""Stores of every kind to test, and a server that speaks S3."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from nascore.weights import DirectoryStore, ObjectStore, WeightStore


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server that speaks S3, over a socket."""
    if not os.environ.get("NASCORE_REQUIRE_ALL"):
        pytest.importorskip("s3fs", reason="needs s3fs (the extra nascore[s3])")
        pytest.importorskip("moto.server", reason="needs moto, a server that speaks S3")
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only where it is installed

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def make_store(request: pytest.FixtureRequest) -> Callable[[str, Path], WeightStore]:
    """Opens a new store of a kind in a folder: directory, memory, file or s3."""

    def make(kind: str, folder: Path) -> WeightStore:
        if kind == "directory":
            return DirectoryStore(folder)
        if kind == "memory":
            return ObjectStore(f"memory://{token_hex(8)}", cache=folder / "cache")
        if kind == "file":
            return ObjectStore(f"file://{folder / 'objects'}", cache=folder / "cache")
        return request.getfixturevalue("make_bucket")(folder / "cache")

    return make


@pytest.fixture
def make_bucket(s3_server: str) -> Callable[[Path], ObjectStore]:
    """Opens a new store in a bucket of its own."""

    def make(cache: Path, bucket: str = "") -> ObjectStore:
        options = {"endpoint_url": s3_server, "key": "any", "secret": "any"}
        if not bucket:
            bucket = token_hex(8)
            import s3fs  # noqa: PLC0415 - only where it is installed

            s3fs.S3FileSystem(**options, skip_instance_cache=True).mkdir(bucket)
        return ObjectStore(f"s3://{bucket}/weights", cache=cache, options=options)

    return make
