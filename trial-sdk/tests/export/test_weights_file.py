"""The reader of weights that generated files have, against the library that made the format and hostile files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nas_trial.export.weights_file import SAFETENSORS_DTYPES, read_weights
from safetensors.torch import load_file, save_file

GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def written(folder: Path, header: object, data: bytes = bytes(8)) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file = folder / "x.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return file


def changed(**fields: object) -> dict[str, object]:
    return {"a": GOOD["a"] | fields}


@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 5), (4, 1, 3)], ids=str)
def test_tensors_of_all_types_are_read_as_the_library_reads_them(shape: tuple[int, ...], tmp_path: Path) -> None:
    numbers = torch.arange(math.prod(shape)).reshape(shape)
    save_file(
        {name: (numbers % 2).to(dtype) for name, dtype in SAFETENSORS_DTYPES.items()},
        tmp_path / "x.safetensors",
        metadata={"format": "pt"},
    )
    expected, found = load_file(tmp_path / "x.safetensors"), read_weights(tmp_path / "x.safetensors")
    assert found.keys() == expected.keys() == SAFETENSORS_DTYPES.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        assert torch.equal(found[name].reshape(-1).view(torch.uint8), value.reshape(-1).view(torch.uint8))


def test_a_file_without_tensors_is_read(tmp_path: Path) -> None:
    assert read_weights(written(tmp_path, {"__metadata__": {"a": "b"}}, b"")) == {}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"", b""),
        (b"{", b""),
        (b"[]", b""),
        (b"\xff\xff", b""),
        (b"[" * 100_000, b""),
        ({"a": 1}, b""),
        ({"a": {}}, b""),
        (changed(dtype="F33"), bytes(8)),
        (changed(dtype=["F32"]), bytes(8)),
        (changed(dtype="F64"), bytes(8)),
        (changed(shape=[3]), bytes(8)),
        (changed(shape=[-1, -2]), bytes(8)),
        (changed(shape=[2.0]), bytes(8)),
        (changed(shape=2), bytes(8)),
        (changed(shape=[2**62]), bytes(8)),
        (changed(data_offsets=[4, 12]), bytes(12)),
        (changed(data_offsets=[8, 0]), bytes(8)),
        (changed(data_offsets="08"), bytes(8)),
        (GOOD | {"b": GOOD["a"]}, bytes(8)),
        (GOOD, bytes(7)),
        (GOOD, bytes(9)),
    ],
    ids=str,
)
def test_a_file_that_is_not_right_is_refused(header: object, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.safetensors"):
        read_weights(written(tmp_path, header, data))


@pytest.mark.parametrize("content", [b"", b"1234567", (2**63).to_bytes(8, "little") + b"{}"], ids=len)
def test_a_file_without_a_header_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.safetensors"):
        read_weights(tmp_path / "x.safetensors")


@settings(deadline=None)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_numbers_only(
    place: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = written(tmp_path_factory.mktemp("changed"), GOOD)
    content = bytearray(file.read_bytes())
    content[place % len(content)] = value
    file.write_bytes(content)
    try:
        found = read_weights(file)
    except ValueError:
        return
    assert [tensor.numel() * tensor.element_size() for tensor in found.values()] in ([8], [])
