import json

import numpy as np
import pytest
import safetensors
from nascore.errors import DataLossError, InvalidInputError
from nascore.weights import TensorData
from nascore.weights.safetensors import header_of, parse
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
