import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.v1 import weights_pb2
from nascore.weights.chunk_wire import framed_small, read_chunk

KINDS = [weights_pb2.UploadRequest, weights_pb2.DownloadResponse]
CONTENTS = st.lists(st.tuples(st.binary(min_size=1, max_size=200), st.binary(max_size=300)), min_size=1, max_size=5)


def digest(content: bytes) -> str:
    return blake3(content).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@given(contents=CONTENTS)
def test_small_blobs_in_parts_are_the_bytes_that_protobuf_writes(kind, contents):
    rows = [(digest(head + data), head, data) for head, data in contents]
    whole = [weights_pb2.SmallBlob(digest=name, content=head + data) for name, head, data in rows]
    assert framed_small(rows, kind=kind) == kind(small=whole).SerializeToString(deterministic=True)


@pytest.mark.parametrize("kind", KINDS)
@given(contents=CONTENTS)
def test_small_blobs_come_back_whole(kind, contents):
    rows = [(digest(head + data), head, memoryview(data)) for head, data in contents]
    chunk = read_chunk(framed_small(rows, kind=kind), kind=kind)
    assert chunk.small == tuple((name, head + bytes(data)) for name, head, data in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_small_blobs_that_are_cut_off_are_no_message(kind):
    message = framed_small([(digest(b"1"), b"1")], kind=kind)
    with pytest.raises(InvalidInputError, match=kind.__name__):
        read_chunk(message[:-1], kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_small_blobs_behind_another_field_are_found(kind):
    unknown = b"\x78\x01"
    message = unknown + framed_small([(digest(b"1"), b"1")], kind=kind)
    assert read_chunk(message, kind=kind).small == ((digest(b"1"), b"1"),)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{"digest": "0" * 64}, {"size": 3}, {"offset": 1}, {"crc32c": 1}])
def test_whole_blobs_come_without_the_fields_of_a_piece(kind, more):
    message = kind(**more).SerializeToString() + framed_small([(digest(b"1"), b"1")], kind=kind)
    with pytest.raises(InvalidInputError, match="small: whole blobs come without"):
        read_chunk(message, kind=kind)


def test_offered_blobs_come_without_the_fields_of_a_piece():
    request = weights_pb2.UploadRequest(offer="0" * 32, offered=[weights_pb2.BlobWanted(digest="0" * 64, size=9)])
    assert read_chunk(request.SerializeToString()).offered == (("0" * 64, 9),)
    request.size = 9
    with pytest.raises(InvalidInputError, match="offered: whole blobs come without"):
        read_chunk(request.SerializeToString())
