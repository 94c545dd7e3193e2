"""Where a store's bytes lie: offers of those who died are removed, and of nobody else."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nascore.service.weights.place import Nonce
from nascore.weights import DirectoryStore

LONG_AGO_S = 3600.0


@pytest.fixture
def nonce(tmp_path: Path) -> Iterator[Nonce]:
    nonce = Nonce(DirectoryStore(tmp_path / "store"))
    yield nonce
    nonce.close()


def offered(folder: str, name: str, *, age_s: float = LONG_AGO_S) -> Path:
    made = Path(folder, "offers", name)
    made.mkdir()
    (made / "blob").write_bytes(bytes(1000))
    os.utime(made, (time.time() - age_s,) * 2)
    return made


def held(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_who_comes_next_finds_no_offers_of_the_dead(nonce: Nonce) -> None:
    folder = nonce.told().folder
    left, kept, young = (offered(folder, "left"), offered(folder, "kept"), offered(folder, "young", age_s=0))
    descriptor = held(kept)
    nonce.told()
    assert [one.exists() for one in (left, kept, young)] == [False, True, True]
    os.close(descriptor)
    nonce.told()
    assert [one.exists() for one in (kept, young)] == [False, True]


def test_a_sweep_counts_files_and_bytes_and_keeps_what_is_held(nonce: Nonce) -> None:
    folder = nonce.told().folder
    for name in ("one", "other", "third"):
        offered(folder, name, age_s=0)
    descriptor = held(Path(folder, "offers", "third"))
    assert nonce.sweep(stale_after_s=60) == (0, 0)
    assert nonce.sweep(stale_after_s=0) == (2, 2000)
    assert (Path(folder, "offers", "third") / "blob").stat().st_size == 1000
    os.close(descriptor)


def test_what_is_no_offer_is_left_where_it_is(nonce: Nonce, tmp_path: Path) -> None:
    folder = nonce.told().folder
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_bytes(b"1")
    Path(folder, "offers", "link").symlink_to(tmp_path / "elsewhere")
    Path(folder, "offers", "file").write_bytes(b"1")
    assert nonce.sweep(stale_after_s=0) == (0, 0)
    assert (tmp_path / "elsewhere" / "precious").exists()


def test_a_sweep_where_nothing_was_told_finds_nothing(nonce: Nonce) -> None:
    assert nonce.sweep(stale_after_s=0) == (0, 0)
