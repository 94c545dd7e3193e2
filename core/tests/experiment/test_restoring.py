"""The way down: newest saved state, the one before, full replay, and a stop that says what to do; on real files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from nascore.experiment import snapshots
from nascore.record import EndReason, Proposal
from nascore.space import Architecture
from nascore.tuner.contract import Determinism

TRIALS = 12

Change = Callable[[bytes], bytes]


def keeping(climber, level=Determinism.REPLAY):
    """A climber that keeps its state as JSON, and counts how often it is made, restored and asked."""

    class Keeping(climber):
        determinism = level
        restored = asked_ever = 0

        def ask(self, number, seed):
            type(self).asked_ever += 1
            return super().ask(number, seed)

        def snapshot(self):
            best = None if self.best is None else [self.best[0], dict(self.best[1])]
            return json.dumps([best, self.asked, self.open]).encode()

        def restore(self, state):
            best, self.asked, self.open = json.loads(state)
            self.best = None if best is None else (best[0], Architecture(best[1]))
            type(self).restored += 1

    return Keeping


async def searched(world, engine, first, count) -> list[Proposal]:
    found = []
    for number in range(first, first + count):
        lease = await world.take(engine)
        found.append(lease.proposal)
        await world.done(engine, lease, (number * 7 % 5) / 5)
    return found


async def saved(engine) -> None:
    """Wait until what is being saved is stored."""
    while engine._conversation._saver is not None:
        await asyncio.sleep(0.001)


def copy_of(world, path: Path):
    """The database as a killed server leaves it."""
    with closing(sqlite3.connect(world.database)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    copy = type(world)(path)
    copy.tuner = world.tuner
    return copy


def rewrite(database: Path, change: Change, *, count: int, with_checksum: bool = True) -> None:
    """Change the newest ``count`` states."""
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT place, state FROM snapshots ORDER BY place DESC").fetchmany(count)
        assert len(rows) == count
        for place, state in rows:
            changed = change(state)
            connection.execute("UPDATE snapshots SET state = ? WHERE place = ?", (changed, place))
            if with_checksum:
                checksum = hashlib.sha256(changed).digest()
                connection.execute("UPDATE snapshots SET checksum = ? WHERE place = ?", (checksum, place))


def flipped(state: bytes) -> bytes:
    middle = len(state) // 2
    return state[:middle] + bytes([state[middle] ^ 4]) + state[middle + 1 :]


def miscounted(state: bytes) -> bytes:
    """A state that the tuner takes, and that leads elsewhere."""
    header, _, body = state.partition(b"\n")
    best, asked, running = json.loads(body)
    return header + b"\n" + json.dumps([best, asked + 1, running]).encode()


def of_another_version(state: bytes) -> bytes:
    return state.replace(b'""]\n', b'"0.9"]\n', 1)


def beheaded(state: bytes) -> bytes:
    return state.partition(b"\n")[2]


def garbled(state: bytes) -> bytes:
    return state.partition(b"\n")[0] + b"\n{"


DAMAGES = {
    "a bit flipped": (flipped, False, "is damaged (checksum) and left out"),
    "leads elsewhere": (miscounted, True, "came out otherwise than logged"),
    "another version": (of_another_version, True, "climber 0.9 made it, and the tuner is now climber"),
    "an older nascore": (beheaded, True, "of a form that this nascore does not know"),
    "restore raises": (garbled, True, "raised JSONDecodeError in restore"),
}


@pytest.fixture
async def killed(world, tmp_path, monkeypatch):
    """A world whose server was killed: ten trials, states saved after four and eight proposals."""

    async def killed(level):
        monkeypatch.setattr(snapshots, "ASKS_A_SNAPSHOT", 4)
        world.tuner = keeping(world.tuner, level)
        engine = await world.begin()
        found = []
        for first in (0, 4, 8):
            found += await searched(world, engine, first, 4 if first < 8 else 2)
            await saved(engine)
        copy = copy_of(world, tmp_path / "killed.db")
        copy.opened, world.opened[1:] = [], world.opened[1:]
        expected = found + await searched(world, engine, 10, TRIALS - 10)
        return copy, expected

    copies = []

    async def make(level=Determinism.REPLAY):
        copy, expected = await killed(level)
        copies.append(copy)
        return copy, expected

    yield make
    for copy in copies:
        for experiments in copy.opened:
            await experiments.close()


async def brought_back(copy, expected):
    """Open it again and go on; returns how many proposals were made again on the way."""
    copy.tuner.restored = copy.tuner.asked_ever = 0
    engine = (await copy.open()).get("last")
    assert await searched(copy, engine, 10, TRIALS - 10) == expected[10:]
    assert [trial.proposal for trial in engine.trials()] == expected
    return copy.tuner.asked_ever - (TRIALS - 10)


@pytest.mark.parametrize("level", [Determinism.REPLAY, Determinism.SNAPSHOT])
async def test_newest_state_is_used_and_only_the_tail_is_replayed(killed, level):
    copy, expected = await killed(level)
    assert await brought_back(copy, expected) == 2
    assert copy.tuner.restored == 1


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("level", [Determinism.REPLAY, Determinism.SNAPSHOT])
async def test_damaged_newest_state_gives_way_to_the_one_before(killed, caplog, level, damage):
    change, with_checksum, reason = DAMAGES[damage]
    copy, expected = await killed(level)
    rewrite(copy.database, change, count=1, with_checksum=with_checksum)
    made_again = await brought_back(copy, expected)
    assert made_again in (6, 6 + 2)  # Where the newest was tried, its tail too.
    assert "saved after 8 proposals is" in caplog.text
    assert reason in caplog.text


@pytest.mark.parametrize("damage", DAMAGES)
async def test_without_a_state_that_works_the_whole_log_is_replayed(killed, caplog, damage):
    change, with_checksum, reason = DAMAGES[damage]
    copy, expected = await killed()
    rewrite(copy.database, change, count=2, with_checksum=with_checksum)
    assert await brought_back(copy, expected) >= 10
    assert caplog.text.count(reason) == 2


@pytest.mark.parametrize("damage", DAMAGES)
async def test_tuner_that_needs_its_state_is_stopped_loudly_without_one(killed, damage):
    change, with_checksum, reason = DAMAGES[damage]
    copy, _ = await killed(Determinism.SNAPSHOT)
    rewrite(copy.database, change, count=2, with_checksum=with_checksum)
    engine = (await copy.open()).get("last")
    assert (await engine.lease("w", "a")).end_reason is EndReason.FAILED
    trouble = engine.record().trouble
    assert "climber cannot go on. It is of level L2 (snapshot and tail)" in trouble
    assert "Install the version of the tuner that began the experiment" in trouble
    assert ("no saved state of it is left" if change is flipped else reason) in trouble
    assert len(engine.trials()) == 10


async def test_state_that_is_ahead_of_the_log_is_not_used(killed, caplog):
    copy, expected = await killed()
    with closing(sqlite3.connect(copy.database)) as connection, connection:
        connection.execute("UPDATE snapshots SET asked = 1000 WHERE asked = 8")
        connection.execute("UPDATE snapshots SET told_through = 1000 WHERE asked = 4")
    assert await brought_back(copy, expected) == 10
    assert caplog.text.count("It is ahead of the log.") == 2


async def test_log_that_was_changed_is_found_out_and_the_trial_is_named(killed, monkeypatch):
    monkeypatch.setattr(snapshots, "FORMAT", 2)  # So that only the log is left.
    copy, _ = await killed()

    def otherwise(self, number, seed):
        return Proposal(number, self.space.default())

    copy.tuner.ask = otherwise
    with closing(sqlite3.connect(copy.database)) as connection, connection:
        connection.execute("DELETE FROM snapshots")
    engine = (await copy.open()).get("last")
    assert (await engine.lease("w", "a")).end_reason is EndReason.FAILED
    trouble = engine.record().trouble
    assert re.search("10 proposals came out otherwise .* trials 0, 1, 2, 3, 4", trouble)
    assert "Was it upgraded meanwhile?" in trouble


async def test_tuner_that_needs_its_state_saves_it_before_its_first_proposal(world):
    world.tuner = keeping(world.tuner, Determinism.SNAPSHOT)
    engine = await world.begin()
    await world.take(engine)
    with closing(sqlite3.connect(world.database)) as connection:
        assert connection.execute("SELECT asked, told_through FROM snapshots").fetchall() == [(0, 0)]


async def test_tuner_without_saved_states_is_replayed_without_a_word(world, caplog):
    caplog.set_level(logging.WARNING)
    engine = await world.begin()
    await searched(world, engine, 0, 3)
    engine = await world.again()
    await searched(world, engine, 3, 1)
    assert caplog.text == ""
