"""Who opens an index without the store's lock takes it as it is, and never stumbles over who is making it."""

import sqlite3
import threading
from contextlib import closing

import pytest
from nascore.errors import DataLossError, NascoreError
from nascore.weights import DirectoryStore
from nascore.weights.index_schema import connect, connect_made, version


def test_no_index_is_none_and_none_is_made(tmp_path):
    assert connect_made(tmp_path / "index.db") is None
    assert not list(tmp_path.iterdir())


def test_an_index_whose_name_is_hard_to_write_as_an_address_is_opened(tmp_path):
    file = tmp_path / "50% of all? #1 & more.db"
    with closing(connect(file)) as connection:
        connection.execute("PRAGMA user_version=7")
    found = connect_made(file)
    assert found is not None
    with closing(found):
        assert version(found) == 7
    assert [path.name for path in tmp_path.glob("*.db")] == [file.name]


def test_an_index_that_is_being_made_is_left_to_who_makes_it(tmp_path):
    """Turning it to WAL meanwhile is refused at once: `database is locked`."""
    file = tmp_path / "index.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as maker:
        maker.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connect(file)
        found = connect_made(file)
        assert found is not None
        with closing(found):
            assert version(found) == 0


def test_a_store_waits_for_who_makes_its_index(tmp_path):
    store = DirectoryStore(tmp_path / "weights")
    store.folder.mkdir()
    found = []
    reader = threading.Thread(target=lambda: found.append(store.list()))
    with store._index.held(), closing(sqlite3.connect(store.folder / "index.db", isolation_level=None)) as maker:
        maker.execute("BEGIN IMMEDIATE")
        reader.start()
        reader.join(0.2)  # Long enough to stumble; too short does not make it fail.
        maker.execute("ROLLBACK")
    reader.join()
    assert found == [()]
    store.close()


def test_what_is_no_index_is_told(tmp_path):
    store = DirectoryStore(tmp_path / "weights")
    store.folder.mkdir()
    (store.folder / "index.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(DataLossError, match=r"index\.db"):
        store.list()


def test_what_cannot_be_opened_is_left_to_who_holds_the_lock(tmp_path):
    """The file may have come since SQLite looked for it, so that it is there now does not mean that it is at fault."""
    (tmp_path / "index.db").mkdir()
    assert connect_made(tmp_path / "index.db") is None
    store = DirectoryStore(tmp_path / "weights")
    (store.folder / "index.db").mkdir(parents=True)
    with pytest.raises(NascoreError, match=r"index\.db"):
        store.set_quota("e", 1)
    assert store.list() == ()  # Who only reads can do without it.
    store.close()
