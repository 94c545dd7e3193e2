"""Work that several threads share, and flushing."""

import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.weights import durable
from nascore.weights.durable import side_by_side, unlink, write_parts


def test_results_come_in_the_order_of_the_items() -> None:
    for threads in (1, 2, 8):
        assert side_by_side(lambda item: item * item, range(1000), threads=threads) == [n * n for n in range(1000)]
    assert side_by_side(str, [], threads=4) == []


def test_each_item_is_done_once_and_several_at_a_time() -> None:
    both = threading.Barrier(2)
    done: list[int] = []

    def meet(item: int) -> None:
        if item < 2:
            both.wait(60)  # Breaks if only one thread works.
        done.append(item)

    side_by_side(meet, range(500), threads=2)
    assert sorted(done) == list(range(500))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_error_of_an_item_is_raised_and_no_more_are_begun(threads: int) -> None:
    begun: list[int] = []

    def fail(item: int) -> None:
        begun.append(item)
        if item == 5:
            raise KeyError(item)
        time.sleep(0.001)  # All of them would take far longer than the one that fails.

    with pytest.raises(KeyError, match="5"):
        side_by_side(fail, range(100_000), threads=threads)
    assert len(begun) < 100_000


def test_of_several_errors_the_first_items_is_raised() -> None:
    both = threading.Barrier(2)

    def fail(item: int) -> None:
        both.wait(60)
        raise KeyError(item)

    with pytest.raises(KeyError, match="0"):
        side_by_side(fail, [0, 1], threads=2)


@pytest.mark.parametrize("quick_s", [0.0, 60.0], ids=["as on a disk", "as in memory"])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 30])
def test_each_file_is_flushed_once(tmp_path, monkeypatch, count, quick_s):
    flushed: list[int] = []
    monkeypatch.setattr(durable, "_QUICK_S", quick_s)
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    files = [tmp_path / str(number) for number in range(count)]
    for file in files:
        file.touch()
    durable.flush(files)
    assert sorted(flushed) == sorted(file.stat().st_ino for file in files)


@given(st.lists(st.binary(max_size=20), max_size=40), st.integers(1, 50), st.integers(1, 8))
def test_parts_are_written_in_order_however_little_the_system_takes_at_a_time(
    parts: list[bytes], most: int, together: int
) -> None:
    written = bytearray()

    def take(_: int, buffers: list[memoryview], offset: int) -> int:
        assert 0 < len(buffers) <= together
        assert offset == len(written)
        taken = b"".join(buffers)[:most]
        written.extend(taken)
        return len(taken)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwritev", take)
        patch.setattr(durable, "_TOGETHER", together)
        write_parts(-1, parts)
    assert written == b"".join(parts)


def test_parts_of_wide_elements_and_very_many_parts_are_written_whole(tmp_path):
    wide = memoryview(bytes(range(64))).cast("d")
    parts = [bytes([number % 256]) * (number % 3) for number in range(5000)]
    with (tmp_path / "file").open("wb") as file:
        write_parts(file.fileno(), [wide, *parts, memoryview(b"")])
    assert (tmp_path / "file").read_bytes() == bytes(wide) + b"".join(parts)


def test_a_disk_that_takes_nothing_is_no_endless_wait(monkeypatch):
    monkeypatch.setattr(os, "pwritev", lambda *_: 0)
    with pytest.raises(OSError, match="error"):
        write_parts(-1, [b"content"])


def test_a_file_that_is_not_there_is_removed_already(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    unlink(str(tmp_path / "file"))
    unlink(str(tmp_path / "file"))
    assert not (tmp_path / "file").exists()
