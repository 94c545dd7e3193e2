"""The index of a store, damaged and made anew."""

import sqlite3
from contextlib import closing

import pytest
from nascore.weights import DirectoryStore, TensorData


@pytest.fixture
def made(tmp_path):
    store = DirectoryStore(tmp_path / "store")
    checkpoint = store.put({"w": TensorData("U8", (3,), b"abc")}, trial=1, name="best")
    store.close()
    return checkpoint


def scribbled(index):
    index.write_bytes(b"this is no database" * 1000)


def falsified(index):
    with closing(sqlite3.connect(index)) as connection, connection:
        connection.execute("UPDATE blobs SET shape = 'three'")


@pytest.mark.parametrize("damage", [scribbled, falsified])
def test_an_index_that_is_damaged_is_made_anew(invoke, made, tmp_path, damage):
    damage(tmp_path / "store" / "index.db")
    broken = invoke("weights", "export", "best", "--store", "store", "-o", "out")
    assert broken.exit_code == 1
    mended = invoke("weights", "reindex", "--store", "store")
    assert mended.exit_code == 0, mended.stderr
    assert mended.stdout == "Made the index of store anew: 1 checkpoint.\n"
    assert made in invoke("weights", "show", "best", "--store", "store").stdout
    assert invoke("weights", "export", "best", "--store", "store", "-o", "out").exit_code == 0


def test_a_server_is_told_where_the_index_is_made(invoke, begin, made):
    process = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
    address = process.stdout.readline().removeprefix("Serving weights at ").strip()
    refused = invoke("weights", "reindex", "--server", address, "--token-file", "token")
    assert refused.exit_code == 1
    assert "nascore weights reindex --store WHERE" in refused.stderr


def test_what_is_no_store_has_no_index(invoke):
    assert invoke("weights", "reindex", "--store", "./nowhere").exit_code == 1
    assert invoke("weights", "reindex", "store").exit_code == 2
