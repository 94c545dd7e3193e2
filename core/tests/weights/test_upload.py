"""One upload: what is refused, what waits, and what becomes of it when it is proven."""

from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3
from nascore.errors import DataLossError, InvalidInputError, StateError, UnavailableError
from nascore.weights import blob_header
from nascore.weights.upload import Upload

CONTENT = blob_header("U8", (600_000,)) + bytes(range(250)) * 2400
DIGEST = blake3(CONTENT).hexdigest()


def begun(folder: Path, *, digest: str = DIGEST, size: int = len(CONTENT)) -> Upload:
    return Upload(folder / "staging", digest, size, ready=f"{folder}/staging/ready", told=lambda *_: None)


def test_a_copy_of_other_bytes_is_lost_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT[:-1] + b"\xff")
    with begun(tmp_path) as upload, (tmp_path / "source").open("rb") as source:
        upload.copy(source.fileno())
        with pytest.raises(DataLossError, match="not those of the digest"):
            upload.finish()
    assert not list((tmp_path / "staging").iterdir())


def test_a_copy_of_a_file_that_has_become_shorter_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT[:300_000])
    with begun(tmp_path) as upload, (tmp_path / "source").open("rb") as source:
        upload.copy(source.fileno())
        assert upload.offset == 300_000
        with pytest.raises(StateError, match="still to come"):
            upload.finish()


def test_proven_bytes_that_are_no_blob_are_refused(tmp_path: Path) -> None:
    content = b"\x10" + bytes(99)
    with begun(tmp_path, digest=blake3(content).hexdigest(), size=len(content)) as upload:
        upload.write(0, content)
        with pytest.raises(InvalidInputError, match="no blob"):
            upload.finish()
    assert not list((tmp_path / "staging").iterdir())


def test_a_copy_takes_the_place_of_what_an_earlier_upload_left(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(CONTENT)
    with begun(tmp_path) as upload:
        upload.write(0, b"\xff" * 1000)
    with begun(tmp_path) as upload, (tmp_path / "source").open("rb") as source:
        assert upload.offset == 1000
        upload.copy(source.fileno())
        upload.finish()
    assert (tmp_path / "staging" / "ready").read_bytes() == CONTENT


def test_who_asked_is_told_the_kind_of_a_blob_once_it_is_proven(tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []
    ready = f"{tmp_path}/staging/ready"
    with Upload(tmp_path / "staging", DIGEST, len(CONTENT), ready=ready, told=lambda *one: told.append(one)) as upload:
        upload.write(0, CONTENT)
        assert told == []
        upload.finish()
    assert told == [(DIGEST, ("U8", (600_000,)))]


def test_what_is_longer_than_the_blob_is_cut_and_found_out(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / f"{DIGEST}.0.part").write_bytes(CONTENT + b"more")
    with begun(tmp_path) as upload:
        assert upload.offset == len(CONTENT)
        upload.finish()
    assert (tmp_path / "staging" / "ready").read_bytes() == CONTENT


def test_uploads_of_one_blob_at_the_same_time_have_files_of_their_own(tmp_path: Path) -> None:
    with begun(tmp_path) as one, begun(tmp_path) as other:
        one.write(0, CONTENT)
        other.write(0, CONTENT[:1000])
        one.finish()
        assert other.offset == 1000
    with begun(tmp_path) as later:  # The first place is free again, and empty.
        assert later.offset == 0


def test_a_blob_is_not_uploaded_by_everybody_at_once(tmp_path: Path) -> None:
    uploads = [begun(tmp_path) for _ in range(16)]
    with pytest.raises(UnavailableError, match="16 times already"):
        begun(tmp_path)
    for upload in uploads:
        upload.close()
    begun(tmp_path).close()


def test_an_upload_that_is_left_keeps_no_file_open(tmp_path: Path) -> None:
    with begun(tmp_path) as upload:
        upload.write(0, CONTENT[:1000])
        assert open_below(tmp_path)
    assert not open_below(tmp_path)


def open_below(folder: Path) -> list[Path]:
    """Return what this process has open below a folder; other threads open and close what is elsewhere."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(descriptor.readlink())
    return [path for path in found if path.is_relative_to(folder)]
