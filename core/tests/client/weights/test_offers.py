"""Blobs laid down for a server: files are written again, and no blob is ever mixed with another."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.client.weights import offers
from nascore.client.weights.offers import OFFERS, Offer, Offers
from nascore.errors import ExhaustedResourceError, UnavailableError
from nascore.service.weights.place import Nonce
from nascore.weights import DirectoryStore, blob_header
from nascore.weights.layout import Layout
from nascore.weights.staging import Staging

LIMIT = 10_000


def blob(size: int, seed: int = 0) -> tuple[str, tuple[bytes, bytes]]:
    parts = blob_header("U8", (size,)), bytes([seed % 256]) * size
    return blake3(b"".join(parts)).hexdigest(), parts


def file(folder: Path, offer: Offer, digest: str) -> Path:
    return folder / OFFERS / offer.name / digest


def names(folder: Path) -> set[str]:
    return {one.name for one in (folder / OFFERS).iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / OFFERS).mkdir()
    return tmp_path


@pytest.fixture
def kept(folder: Path) -> Iterator[Offers]:
    kept = Offers(folder, limit=LIMIT)
    yield kept
    kept.close()


# --- what cannot be written ----------------------------------------------------------------------------------------


def test_where_nothing_can_be_written_nothing_is_offered(tmp_path: Path) -> None:
    with Offers(tmp_path / "missing").lent() as offer:
        assert offer is None
    (tmp_path / OFFERS).write_bytes(b"a file")
    with Offers(tmp_path).lent() as offer:
        assert offer is None


def test_a_full_disk_is_told_and_leaves_nothing(folder: Path, kept: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    digest, parts = blob(100)
    for is_again in (False, True):
        with kept.lent() as offer:
            assert offer is not None
            with monkeypatch.context() as patch:
                patch.setattr(os, "pwritev", full)
                with pytest.raises(ExhaustedResourceError, match="no room"):
                    offer.lay_down(digest, parts)
            assert not file(folder, offer, digest).exists(), is_again
            offer.lay_down(digest, parts)


def test_a_folder_that_is_removed_as_often_as_it_is_made_is_told(kept: Offers, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(folder: str) -> int:
        raise FileNotFoundError(folder)

    monkeypatch.setattr(offers, "_locked", gone)
    with kept.lent() as offer:
        assert offer is not None
        with pytest.raises(UnavailableError, match="removed as often"):
            offer.lay_down(*blob(100))


# --- what is written again -----------------------------------------------------------------------------------------


def test_a_file_is_written_again_for_a_blob_of_its_length(folder: Path, kept: Offers) -> None:
    inodes, found = [], []
    for seed in range(3):
        digest, parts = blob(1000, seed)
        with kept.lent() as offer:
            assert offer is not None
            offer.lay_down(digest, parts)
            laid = file(folder, offer, digest)
            inodes.append(laid.stat().st_ino)
            found.append(laid.read_bytes() == b"".join(parts))
            assert [one.name for one in laid.parent.iterdir()] == [digest]
    assert found == [True] * 3
    assert len(set(inodes)) == 1


def test_nothing_is_written_again_before_the_server_has_answered(folder: Path, kept: Offers) -> None:
    blobs = dict(blob(1000, seed) for seed in range(5))
    for _ in range(2):
        with kept.lent() as offer:
            assert offer is not None
            for digest, parts in blobs.items():
                offer.lay_down(digest, parts)
            assert {digest: file(folder, offer, digest).read_bytes() for digest in blobs} == {
                digest: b"".join(parts) for digest, parts in blobs.items()
            }


def test_what_was_begun_and_broke_off_is_not_written_again(folder: Path, kept: Offers) -> None:
    digest, parts = blob(1000)
    with suppress(KeyError), kept.lent() as offer:
        assert offer is not None
        offer.lay_down(digest, parts)
        held = file(folder, offer, digest).open("rb")
        raise KeyError
    assert names(folder) == set()
    with held, kept.lent() as other:
        assert other is not None
        other.lay_down(*blob(1000, 1))
        assert held.read() == b"".join(parts)  # A server that has it open still copies what was offered.


def test_a_second_try_leaves_a_server_that_still_copies_the_first_one_alone(folder: Path, kept: Offers) -> None:
    digest, parts = blob(1000)
    with kept.lent() as offer:
        assert offer is not None
        offer.lay_down(digest, parts)
        with file(folder, offer, digest).open("rb") as held:
            offer.lay_down(digest, (parts[0], b"\xff" * 1000))
            assert held.read() == b"".join(parts)


def test_no_more_is_kept_than_the_limit_and_nothing_after_the_end(folder: Path, kept: Offers) -> None:
    with kept.lent() as offer:
        assert offer is not None
        for seed in range(30):
            offer.lay_down(*blob(1000, seed))
    (left,) = (folder / OFFERS).iterdir()
    assert 0 < sum(one.stat().st_size for one in left.iterdir()) <= LIMIT
    kept.close()
    assert names(folder) == set()
    with kept.lent() as offer:
        assert offer is not None
        offer.lay_down(*blob(1000))
    assert len(names(folder)) == 1


def test_several_uploads_at_a_time_share_one_limit(folder: Path, kept: Offers) -> None:
    with kept.lent() as one, kept.lent() as other:
        assert one is not None
        assert other is not None
        assert one.name != other.name
        for seed in range(8):
            one.lay_down(*blob(1000, seed))
            other.lay_down(*blob(1000, seed))
    assert sum(found.stat().st_size for found in (folder / OFFERS).rglob("*") if found.is_file()) <= LIMIT


def test_on_a_disk_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "is_in_memory", lambda _: False)
    with Offers(folder).lent() as offer:
        assert offer is not None
        offer.lay_down(*blob(1000))
        assert names(folder) == {offer.name}
    assert names(folder) == set()


def test_an_upload_of_nothing_makes_no_folder(folder: Path, kept: Offers) -> None:
    with kept.lent():
        assert names(folder) == set()
    assert names(folder) == set()


def test_what_nobody_closes_goes_with_who_made_it(folder: Path) -> None:
    kept = Offers(folder, limit=LIMIT)
    with kept.lent() as offer:
        assert offer is not None
        offer.lay_down(*blob(1000))
    assert len(names(folder)) == 1
    del kept
    assert names(folder) == set()


uploads = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=8, unique=True), st.sampled_from("okx")
    ),
    max_size=8,
)


@given(uploads, st.sampled_from([0, 300, LIMIT]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_put_one_after_the_other_no_blob_is_another(
    tmp_path_factory: pytest.TempPathFactory, uploads: list[tuple[list[tuple[int, int]], str]], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    (folder / OFFERS).mkdir()
    kept = Offers(folder, limit=limit)
    for number, (blobs, end) in enumerate(uploads):
        wanted = dict(blob(100 * size, seed) for size, seed in blobs)
        staging = Staging(Layout(folder / f"{number}"))
        with suppress(KeyError):
            with kept.lent() as offer:
                assert offer is not None
                for digest, parts in wanted.items():
                    offer.lay_down(digest, parts)
                if end == "swept" and wanted:
                    shutil.rmtree(folder / OFFERS / offer.name)  # Somebody swept it.
                    for digest, parts in wanted.items():
                        offer.lay_down(digest, parts)
                for digest in wanted:  # The server copies all of it at the very end.
                    staging.adopt(file(folder, offer, digest), digest)
                if end == "broken off":
                    raise KeyError
        found = staging.ready(wanted)
        assert {digest: ready.read_bytes() for digest, ready in found.items()} == {
            digest: b"".join(parts) for digest, parts in wanted.items()
        }
        assert sum(one.stat().st_size for one in (folder / OFFERS).rglob("*") if one.is_file()) <= limit
    kept.close()
    assert names(folder) == set()


# --- several, and who dies -----------------------------------------------------------------------------------------


def test_a_folder_that_somebody_removed_is_made_again(folder: Path, kept: Offers) -> None:
    for seed in range(4):
        digest, parts = blob(1000, seed)
        with kept.lent() as offer:
            assert offer is not None
            shutil.rmtree(folder / OFFERS, ignore_errors=True)
            if seed % 2:
                (folder / OFFERS).mkdir()
            offer.lay_down(digest, parts)
            assert file(folder, offer, digest).read_bytes() == b"".join(parts)


def test_threads_and_clients_at_once_do_not_meet(folder: Path) -> None:
    wrong: list[str] = []

    def work(kept: Offers, begin: int) -> None:
        for seed in range(begin, begin + 30):
            blobs = dict(blob(1000 + 100 * (seed % 2), other) for other in (seed, seed + 100))
            with kept.lent() as offer:
                assert offer is not None
                for digest, parts in blobs.items():
                    offer.lay_down(digest, parts)
                wrong.extend(
                    digest for digest in blobs if blake3(file(folder, offer, digest).read_bytes()).hexdigest() != digest
                )

    clients = [Offers(folder, limit=LIMIT) for _ in range(2)]
    threads = [threading.Thread(target=work, args=(clients[number % 2], number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for kept in clients:
        kept.close()
    assert names(folder) == set()


PROGRAM = """
import sys, time
from pathlib import Path
from nascore.client.weights.offers import Offers
kept = Offers(Path(sys.argv[1]), limit=10_000)
with kept.lent() as offer:
    offer.lay_down("0" * 64, [bytes(1000)])
if sys.argv[2] == "waits":
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_client_that_was_killed_leaves_nothing_for_good(tmp_path: Path) -> None:
    nonce = Nonce(DirectoryStore(tmp_path))
    nonce.told()
    words = [sys.executable, "-c", PROGRAM, str(tmp_path), "waits"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert nonce.sweep(stale_after_s=0) == (0, 0)
        process.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 1
    assert nonce.sweep(stale_after_s=0) == (1, 1000)
    assert names(tmp_path) == set()
    nonce.close()


def test_a_client_that_ends_without_closing_leaves_nothing(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder), "ends"], check=True)
    assert names(folder) == set()


FORKS = """
import os, sys
from pathlib import Path
from nascore.client.weights.offers import Offers
folder = Path(sys.argv[1])
kept = Offers(folder, limit=10_000)
with kept.lent() as offer:
    offer.lay_down("0" * 64, [bytes(1000)])
child = os.fork()
if not child:
    with kept.lent() as own:
        own.lay_down("0" * 64, [bytes([1]) * 1000])
    kept.close()
    sys.exit(own.name == offer.name)
assert os.waitpid(child, 0)[1] == 0
print([(file.parent.name == offer.name, file.read_bytes() == bytes(1000)) for file in folder.rglob("0" * 64)])
"""


def test_a_forked_process_leaves_its_parents_offers_alone(folder: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", FORKS, str(folder)], check=True, capture_output=True, text=True)
    assert ended.stdout == "[(True, True)]\n"
    assert names(folder) == set()
