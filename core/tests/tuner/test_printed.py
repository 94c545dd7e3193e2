"""What a program prints is taken in at a bounded cost, and the lines that matter are kept."""

from __future__ import annotations

import asyncio
import logging

import pytest
from nascore.tuner import printed
from nascore.tuner.printed import MAX_LINES_A_SECOND, Printed


async def taken(*chunks: bytes) -> Printed:
    stream = asyncio.StreamReader()
    for chunk in chunks:
        stream.feed_data(chunk)
    stream.feed_eof()
    words = Printed("mine")
    await words.listen(stream)
    return words


async def test_last_lines_are_kept_also_an_unfinished_one() -> None:
    words = await taken(b"".join(b"line %d\n" % number for number in range(40)), b"\xff\xfe end")
    assert words.last_lines().splitlines()[1:] == [
        *(f"    line {number}" for number in range(26, 40)),
        "    \ufffd\ufffd end",
    ]
    assert (await taken()).last_lines() == ""


async def test_line_cut_between_two_reads_is_one_line() -> None:
    assert (await taken(b"half ", b"a line\nand", b" more\n")).last_lines() == "\n    half a line\n    and more"


async def test_beginning_of_a_fatal_error_is_kept_rather_than_its_end() -> None:
    dump = b"Fatal Python error: Segmentation fault\n" + b"".join(b"frame %d\n" % number for number in range(40))
    lines = (await taken(b"chatter\n" * 20, dump)).last_lines().splitlines()
    assert lines[1:3] == ["    Fatal Python error: Segmentation fault", "    frame 0"]
    assert len(lines) == 16


async def test_flood_is_counted_instead_of_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await taken(b"spam\n" * 5_000)
    assert caplog.text.count("[mine] spam") <= 2 * MAX_LINES_A_SECOND
    left_out = sum(int(record.args[1]) for record in caplog.records if "left out" in record.message)  # type: ignore[index, arg-type, call-overload]
    assert caplog.text.count("[mine] spam") + left_out == 5_000


async def test_flood_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(printed, "MAX_BYTES_A_SECOND", 1000)
    monkeypatch.setattr("asyncio.sleep", sleep)
    await taken(b"x" * 100_000)
    assert pauses
    assert max(pauses) <= 1.0


async def test_line_without_end_is_cut() -> None:
    words = await taken(b"x" * 300_000)
    assert len(words.last_lines()) < 500
