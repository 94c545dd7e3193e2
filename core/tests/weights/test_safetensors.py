import json

import numpy as np
import pytest
import safetensors
from nascore.errors import DataLossError, InvalidInputError
from nascore.weights import TensorData
from nascore.weights.safetensors import MAX_BLOB_HEADER, blob_header, header_of, parse, read_blob_header, read_header
from safetensors.numpy import save


def file_of(header, data=b"12345678"):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return len(text).to_bytes(8, "little") + text + data


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE = {
    "empty": b"",
    "length beyond the file": (2**63).to_bytes(8, "little") + b"{}",
    "not json": file_of(b"{]"),
    "a list": file_of([]),
    "deep": file_of(b"[" * 100_000),
    "twice": file_of(b'{"a":%b,"a":%b}' % (json.dumps(GOOD).encode(), json.dumps(GOOD).encode())),
    "unknown type": file_of({"a": GOOD | {"dtype": "OBJECT"}}),
    "overflow": file_of({"a": GOOD | {"shape": [2**40, 2**40]}}),
    "negative": file_of({"a": GOOD | {"shape": [-2]}}),
    "offsets": file_of({"a": GOOD | {"data_offsets": [0, 9]}}),
    "backwards": file_of({"a": GOOD | {"data_offsets": [8, 0]}}),
    "beyond": file_of({"a": GOOD | {"data_offsets": [8, 16]}}),
    "overlap": file_of({"a": GOOD, "b": GOOD}),
    "hole": file_of({"a": GOOD}, b"1234567812345678"),
    "extra": file_of({"a": GOOD | {"code": "x"}}),
    "missing": file_of({"a": {"dtype": "F32"}}),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_by_name(content):
    with pytest.raises(DataLossError, match=r"pack\.safetensors"):
        parse(content, file="pack.safetensors")


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused_without_reading_what_it_claims(content, tmp_path):
    file = tmp_path / "pack.safetensors"
    file.write_bytes(content)
    with file.open("rb") as source, pytest.raises(DataLossError, match=r"pack\.safetensors"):
        read_header(source.fileno(), file=str(file))
    with pytest.raises(DataLossError, match=r"pack\.safetensors"):
        read_blob_header(content[:MAX_BLOB_HEADER], size=len(content), file=str(file))


def test_a_header_that_claims_gigabytes_is_refused_in_a_sparse_file_too(tmp_path):
    file = tmp_path / "pack.safetensors"
    with file.open("wb+") as source:
        source.write((2**32).to_bytes(8, "little"))
        source.truncate(2**33)
        with pytest.raises(DataLossError, match="64 MiB"):
            read_header(source.fileno(), file=str(file))


def test_header_of_a_file_says_where_its_tensors_lie(tmp_path):
    file = tmp_path / "pack.safetensors"
    file.write_bytes(header_of({"a": ("U8", (3,)), "b": ("F32", (1,))}) + b"abc1234")
    with file.open("rb") as source:
        begin, slots = read_header(source.fileno(), file=str(file))
    assert file.read_bytes()[begin + slots["b"].begin :] == b"1234"


def test_a_blob_has_one_header_only():
    blob = blob_header("F32", (2,)) + bytes(8)
    assert read_blob_header(blob, size=len(blob), file="x") == ("F32", (2,))
    padded = (len(blob)).to_bytes(8, "little") + blob[8:-8].ljust(len(blob)) + bytes(8)
    with pytest.raises(DataLossError, match="very header"):
        read_blob_header(padded, size=len(padded), file="x")


def test_files_of_the_safetensors_package_are_read():
    content = save({"a": np.arange(6, dtype="int16").reshape(2, 3), "b": np.zeros(())}, metadata={"who": "me"})
    found = parse(content, file="x")
    assert found["a"] == TensorData("I16", (2, 3), np.arange(6, dtype="int16").tobytes())
    assert found["b"].dtype == "F64"


def test_files_of_ours_are_read_by_the_safetensors_package():
    content = header_of({"ü": ("BF16", (2, 2)), "mask": ("BOOL", (3,))}) + b"12345678" + b"\1\0\1"
    found = dict(safetensors.deserialize(content))
    assert found["ü"]["shape"] == [2, 2]
    assert bytes(found["mask"]["data"]) == b"\1\0\1"


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [("F31", (1,), b"1234"), ("F32", (2,), b"1234"), ("F32", (-1,), b""), ("U8", (1,) * 9, b"1"), ("U8", (1.0,), b"1")],
)
def test_a_tensor_whose_parts_do_not_fit_is_refused(dtype, shape, data):
    with pytest.raises(InvalidInputError):
        TensorData(dtype, shape, data)


def test_a_header_that_is_known_is_refused_with_another_size() -> None:
    header = blob_header("F32", (5,))
    assert read_blob_header(header + bytes(20), size=len(header) + 20, file="blob") == ("F32", (5,))
    for wrong in (19, 21):
        with pytest.raises(DataLossError, match="blob"):
            read_blob_header(header + bytes(wrong), size=len(header) + wrong, file="blob")
