"""Downloads: how blobs become messages."""

from pathlib import Path

import pytest
from nascore.service.weights.source import FIRST_PIECE, LARGEST_PIECE, Source
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.chunk_wire import MAX_CHUNK, read_chunk

SIZES = {"a": 300_000, "b": 500_000, "c": 3_000_000, "d": 100_000, "e": 700_000}


def messages(folder: Path, *, size: int) -> list[tuple[str, int, int]]:
    """Return blob, offset and bytes of each message."""
    store = DirectoryStore(folder)
    tensors = {key: TensorData("U8", (count,), key.encode() * count) for key, count in SIZES.items()}
    entries = store.manifest(store.put(tensors, trial=0)).entries
    names = {entry.digest: entry.key for entry in entries}
    source, found = Source(store, entries), []
    while pieces := source.pieces(size):
        for piece in pieces:
            chunk = read_chunk(piece, kind=weights_pb2.DownloadResponse)
            found.append((names[chunk.digest], chunk.offset, len(chunk.data)))
    return found


@pytest.mark.parametrize("size", [FIRST_PIECE, 1 << 20, LARGEST_PIECE])
def test_every_byte_comes_once_and_in_order(tmp_path: Path, size: int) -> None:
    ends = dict.fromkeys(SIZES, 0)
    for name, offset, count in messages(tmp_path, size=size):
        assert offset == ends[name]
        assert count <= min(size, MAX_CHUNK)
        ends[name] += count
    assert {name: end // 1000 * 1000 for name, end in ends.items()} == SIZES  # And a header.


def test_a_blob_that_fits_is_not_cut(tmp_path: Path) -> None:
    names = [name for name, _, _ in messages(tmp_path, size=1 << 20)]
    assert [names.count(name) for name in "abde"] == [1, 1, 1, 1]
