"""What SQLite alone can do to the log: settings, full disks, and files that are not its own."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, StateError
from nascore.journal import Holder, SqliteJournal, open_journal, reading


async def test_durability_settings_are_on(sqlite, on_thread):
    journal = await sqlite.open()

    def settings():
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [journal._writer.store.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await on_thread(journal, settings) == ["wal", 2, 1]


@contextmanager
def small_files(size):
    """Let no file of this process grow beyond ``size``: writes fail as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_failed_write_acknowledges_nothing_and_heals(sqlite, entry):
    journal = await sqlite.open()
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


async def test_full_database_is_an_exhausted_resource(sqlite, entry, on_thread):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    connection = journal._writer.store.connection
    await on_thread(journal, lambda: connection.execute("PRAGMA max_page_count=20"))
    with pytest.raises(ExhaustedResourceError, match="full"):
        await journal.append("one", [entry(2, "x" * 200_000)])
    await on_thread(journal, lambda: connection.execute("PRAGMA max_page_count=2000"))
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2, "x" * 200_000)])


async def test_connection_is_made_anew_after_a_failed_sync(sqlite, entry, armed):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    before = journal._writer.store.connection
    armed("journal.before_commit=error:EIO@1")
    with pytest.raises(ExhaustedResourceError):
        await journal.append("one", [entry(2)])
    assert journal._writer.store.connection is not before
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


async def test_text_that_is_no_text_is_data_loss(sqlite, entry):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    sqlite.execute("UPDATE {events} SET payload = CAST(x'ff' AS TEXT)")
    with pytest.raises(DataLossError, match="decode"):
        await journal.read("one")


@pytest.mark.parametrize("size", [50, 2000])
async def test_file_that_is_no_database_is_data_loss(sqlite, size):
    sqlite.path.write_bytes((b"not a database at all, but long enough to look at" * 40)[:size])
    before = sqlite.path.read_bytes()
    with pytest.raises(DataLossError, match="not a database"):
        await sqlite.open()
    with pytest.raises(DataLossError, match="not a database"), sqlite.reading():
        pass
    assert sqlite.path.read_bytes() == before


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("PRAGMA user_version=99", r"newer nascore \(schema 99; this one knows 1\).*Upgrade"),
        ("PRAGMA application_id=7", r"another program \(application id 0x7\)"),
    ],
)
async def test_foreign_database_is_refused_untouched(sqlite, tmp_path, change, message):
    await (await sqlite.open()).close()
    sqlite.execute(change)
    before = files(tmp_path)
    assert list(before) == ["log.db"]
    for _ in range(2):
        with pytest.raises(StateError, match=message):
            await sqlite.open()
        with pytest.raises(StateError, match=message), sqlite.reading():
            pass
        assert files(tmp_path) == before


async def test_untagged_database_of_another_program_is_refused_untouched(sqlite, tmp_path):
    with closing(sqlite3.connect(sqlite.path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = files(tmp_path)
    with pytest.raises(StateError, match="another program"):
        await sqlite.open()
    assert files(tmp_path) == before


KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint=0")
for statement in sys.argv[2:]:
    connection.execute(statement)
os.kill(os.getpid(), 9)
"""


def leave_behind(path, *statements):
    """Execute statements in a process that is killed: they stand in the write-ahead log only."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), *statements], check=False)
    assert done.returncode == -9
    assert path.with_name(f"{path.name}-wal").stat().st_size


async def test_newer_version_that_stands_in_the_write_ahead_log_only_is_refused_untouched(sqlite, tmp_path):
    await (await sqlite.open()).close()
    leave_behind(sqlite.path, "PRAGMA user_version=99")
    before = files(tmp_path)
    with pytest.raises(StateError, match="newer nascore"):
        await sqlite.open()
    after = files(tmp_path)
    assert {name: after[name] for name in ("log.db", "log.db-wal")} == {
        name: before[name] for name in ("log.db", "log.db-wal")
    }


async def test_file_whose_maker_was_killed_before_its_first_table_is_used(sqlite, entry):
    with closing(sqlite3.connect(sqlite.path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert sqlite.path.stat().st_size
    with reading(sqlite.path) as reader:
        assert reader.experiments() == ()
    await (await sqlite.open()).append("one", [entry(1)])


async def test_append_costs_one_sync(tmp_path, sqlite, entry):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    log = tmp_path / "log.db-wal"
    before = log.stat().st_size
    await asyncio.gather(*(journal.append(f"e{n}", [entry(1)]) for n in range(20)))
    pages = (log.stat().st_size - before) / (4096 + 24)
    assert journal.transactions == 2
    assert pages <= 4  # The tables' pages, each written once for all twenty.


async def test_two_journals_of_one_process_do_not_share(tmp_path, entry):
    first, second = await SqliteJournal.open(tmp_path / "a.db"), await SqliteJournal.open(tmp_path / "b.db")
    await first.append("one", [entry(1)])
    assert await second.experiments() == ()
    await asyncio.gather(first.close(), second.close())


def locks_of(path):
    """Kinds of the locks that processes hold on a file, from the kernel."""
    inode = f":{path.stat().st_ino} "
    return sorted(line.split()[3] for line in Path("/proc/locks").read_text().splitlines() if inode in line)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the kernel tells of locks in /proc/locks on Linux only")
async def test_reading_in_the_process_that_writes_leaves_its_locks(tmp_path, entry):
    path = tmp_path / "log.db"
    journal, hold = await open_journal(path, holder=Holder(os.getpid(), "here"))
    await journal.append("one", [entry(1)])
    before = locks_of(path)
    assert before
    for wal in ("as it is", "empty"):
        if wal == "empty":
            await asyncio.to_thread(empty_wal, path)
        with reading(path) as log:
            assert len(list(log.entries("one"))) == 1
        assert locks_of(path) == before, wal
    await journal.close()
    hold.release()


def empty_wal(path):
    """Move the write-ahead log into the database, as the writer does every so often, from another process."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
