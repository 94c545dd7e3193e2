"""What SQLite raises is told in our words."""

import sqlite3
from contextlib import closing

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, PermissionDeniedError, UnavailableError
from nascore.sqlite import Wording

WORDING = Wording("Index", full="room", damaged="rebuild", foreign="another")
STRICT = Wording("Index", full="room", damaged="rebuild", foreign="another", is_schema_certain=True)


def test_a_file_that_is_no_database_is_data_loss(tmp_path):
    (tmp_path / "x").write_bytes(b"no database" * 100)
    with (
        closing(sqlite3.connect(tmp_path / "x")) as connection,
        pytest.raises(DataLossError, match="Index x") as caught,
    ):
        with WORDING.understood("x"):
            connection.execute("SELECT * FROM sqlite_schema")
    assert caught.value.hint == "another"


def test_a_folder_that_is_missing_is_a_matter_of_rights(tmp_path):
    with pytest.raises(PermissionDeniedError), WORDING.understood(tmp_path):
        sqlite3.connect(tmp_path / "none" / "x").execute("SELECT 1")


def test_a_full_database_is_exhausted():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE t (a)")
        with pytest.raises(ExhaustedResourceError) as caught, WORDING.understood("x"):
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert caught.value.hint == "room"


def test_text_that_is_not_utf8_is_data_loss():
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(DataLossError) as caught:
        with WORDING.understood("x"):
            connection.execute("SELECT CAST(x'ff' AS TEXT)").fetchall()
    assert caught.value.hint == "rebuild"


@pytest.mark.parametrize(("wording", "kind"), [(WORDING, UnavailableError), (STRICT, DataLossError)])
def test_a_table_that_is_missing_is_damage_only_where_the_schema_is_certain(wording, kind):
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(kind), wording.understood("x"):
        connection.execute("SELECT * FROM none")


def test_other_errors_pass():
    with pytest.raises(KeyError), WORDING.understood("x"):
        raise KeyError("x")
