"""The uploads of a store."""

from pathlib import Path

import pytest
from blake3 import blake3
from nascore.errors import ExhaustedResourceError
from nascore.weights import blob_header
from nascore.weights.layout import Layout
from nascore.weights.staging import Staging


def blob(number: int) -> tuple[str, bytes]:
    content = blob_header("U8", (300,)) + bytes([number]) * 300
    return blake3(content).hexdigest(), content


def upload(staging: Staging, number: int) -> str:
    digest, content = blob(number)
    with staging.upload(digest, len(content)) as writer:
        writer.write(0, content)
        writer.finish()
    return digest


@pytest.mark.parametrize("count", [1, 3, 8, 9, 40])
def test_proven_blobs_are_found_however_many_are_asked_for(tmp_path: Path, count: int) -> None:
    staging = Staging(Layout(tmp_path))
    there = {upload(staging, number) for number in range(0, count, 2)}
    staging.upload(blob(1)[0], 1000).close()  # Begun, and so not proven.
    found = staging.ready([blob(number)[0] for number in range(count)])
    assert found.keys() == there
    assert all(file == staging.ready_file(digest) and file.exists() for digest, file in found.items())


def test_a_store_without_uploads_has_none(tmp_path: Path) -> None:
    assert Staging(Layout(tmp_path / "nothing")).ready([blob(number)[0] for number in range(20)]) == {}


def test_the_limit_counts_what_others_have_uploaded(tmp_path: Path) -> None:
    size = len(blob(0)[1])
    for number in range(3):
        upload(Staging(Layout(tmp_path)), number)
    limited = Staging(Layout(tmp_path), limit=4 * size)
    upload(limited, 3)
    with pytest.raises(ExhaustedResourceError, match="limit"):
        upload(limited, 4)
