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


def test_the_kind_of_a_proven_blob_is_known_to_who_proved_it_and_read_by_others(tmp_path: Path) -> None:
    staging = Staging(Layout(tmp_path))
    digest = upload(staging, 1)
    other = Staging(Layout(tmp_path))
    assert staging.kind(digest) == other.kind(digest) == ("U8", (300,))
    staging.ready_file(digest).unlink()
    with pytest.raises(FileNotFoundError):
        other.kind(digest)


def test_kinds_of_very_many_blobs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nascore.weights.staging._MOST_KINDS", 3)
    staging = Staging(Layout(tmp_path))
    digests = [upload(staging, number) for number in range(7)]
    assert len(staging._kinds) <= 3
    assert {staging.kind(digest) for digest in digests} == {("U8", (300,))}
