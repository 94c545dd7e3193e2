import asyncio
import resource
import sqlite3
from contextlib import closing, contextmanager

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, HeldError, StateError, UnavailableError
from nascore.journal.contract import Entry, TunerSnapshot
from nascore.journal.sqlite_journal import SqliteJournal


def entry(seq, text="{}"):
    return Entry(seq, "kind", text, 1.5, 0.5)


@pytest.fixture
async def journal(tmp_path):
    opened = await SqliteJournal.open(tmp_path / "log.db")
    yield opened
    await opened.close()


async def test_entries_come_back_in_order_after_closing(tmp_path, journal):
    await journal.append("one", [entry(1, '{"text":"\\ud800"}'), entry(2)])
    await journal.append("two", [entry(1)])
    await journal.append("one", [entry(3)])
    await journal.close()
    again = await SqliteJournal.open(tmp_path / "log.db")
    assert await again.experiments() == ("one", "two")
    assert await again.read("one") == [entry(1, '{"text":"\\ud800"}'), entry(2), entry(3)]
    assert await again.read("one", after_seq=2) == [entry(3)]
    await again.close()


async def test_many_appends_share_few_transactions(journal):
    await asyncio.gather(*(journal.append(f"e{n}", [entry(1)]) for n in range(64)))
    assert journal.transactions == 1

    async def chain(name):
        for seq in range(2, 6):
            await journal.append(name, [entry(seq)])

    await asyncio.gather(*(chain(f"e{n}") for n in range(64)))
    assert journal.transactions <= 1 + 4 * 8


async def test_durability_settings_are_on(journal):
    def settings():
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [journal._writer.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await journal._call(settings) == ["wal", 2, 1]


async def test_gap_is_refused_and_so_is_all_after_it_until_read(journal):
    first, gap, after = (journal.append("one", [entry(seq)]) for seq in (1, 3, 2))
    await first
    for refused in (gap, after):
        with pytest.raises(DataLossError, match="entry 2 is missing"):
            await refused
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


@contextmanager
def small_files(size):
    """Let no file of this process grow beyond ``size``: writes fail as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_failed_write_acknowledges_nothing_and_heals(journal):
    await journal.append("one", [entry(1)])
    with small_files(40_000):
        failed = [journal.append(name, [entry(seq, "x" * 60_000)]) for name, seq in (("one", 2), ("two", 1))]
        later = journal.append("one", [entry(3)])
        for future in (*failed, later):
            with pytest.raises(ExhaustedResourceError, match=r"log\.db"):
                await future
        assert await journal.read("one") == [entry(1)]
        assert await journal.read("two") == []
    await journal.append("one", [entry(2)])
    await journal.append("two", [entry(1)])
    assert [len(await journal.read(name)) for name in ("one", "two")] == [2, 1]


async def test_full_database_is_an_exhausted_resource(journal):
    await journal.append("one", [entry(1)])
    await journal._call(lambda: journal._writer.connection.execute("PRAGMA max_page_count=20"))
    with pytest.raises(ExhaustedResourceError, match="full"):
        await journal.append("one", [entry(2, "x" * 200_000)])
    await journal._call(lambda: journal._writer.connection.execute("PRAGMA max_page_count=2000"))
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2, "x" * 200_000)])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE events SET payload = '{ }' WHERE seq = 2", "entry 2 is not what was written"),
        ("DELETE FROM events WHERE seq = 2", "entry 2 is missing"),
        ("UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE seq = 2", "decode"),
    ],
)
async def test_changed_entry_is_found(tmp_path, journal, damage, message):
    await journal.append("one", [entry(1), entry(2), entry(3)])
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection, connection:
        connection.execute(damage)
    again = await SqliteJournal.open(tmp_path / "log.db")
    with pytest.raises(DataLossError, match=message):
        await again.read("one")
    await again.close()


async def test_file_that_is_no_database_is_data_loss(tmp_path):
    path = tmp_path / "log.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 40)
    with pytest.raises(DataLossError, match="not a database"):
        await SqliteJournal.open(path)


@pytest.mark.parametrize(
    ("pragma", "message"), [("user_version=99", "newer nascore"), ("application_id=7", "another program")]
)
async def test_foreign_database_is_refused_untouched(tmp_path, journal, pragma, message):
    await journal.close()
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA {pragma}")
    before = path.read_bytes()
    with pytest.raises(StateError, match=message):
        await SqliteJournal.open(path)
    assert path.read_bytes() == before


async def test_process_that_was_passed_over_cannot_write(tmp_path, journal):
    await journal.append("one", [entry(1)])
    other = await SqliteJournal.open(tmp_path / "log.db")
    with pytest.raises(HeldError, match="took it over"):
        await journal.append("one", [entry(2)])
    await other.append("one", [entry(2)])
    await other.close()


async def test_two_snapshots_are_kept_and_damaged_ones_left_out(tmp_path, journal):
    await journal.append("one", [entry(1)])
    for n in range(4):
        await journal.save_snapshot("one", TunerSnapshot(n, n, bytes([n])))
    assert [snapshot.asked for snapshot in await journal.snapshots("one")] == [3, 2]
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection, connection:
        connection.execute("UPDATE snapshots SET state = x'99' WHERE asked = 3")
    assert [snapshot.asked for snapshot in await journal.snapshots("one")] == [2]


async def test_deleted_experiment_is_gone_with_its_snapshots(tmp_path, journal):
    await journal.append("one", [entry(1)])
    await journal.save_snapshot("one", TunerSnapshot(1, 1, b"s"))
    await journal.delete("one", request_id="r")
    assert await journal.experiments() == ()
    assert await journal.snapshots("one") == ()
    assert await journal.deletions() == {"r": "one"}
    await journal.append("one", [entry(1)])


async def test_closed_journal_refuses(journal):
    pending = journal.append("one", [entry(1)])
    await journal.close()
    await pending
    with pytest.raises(UnavailableError):
        await journal.append("one", [entry(2)])
    with pytest.raises(UnavailableError):
        await journal.read("one")
