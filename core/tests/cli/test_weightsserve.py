"""A store served alone: the file with its token."""

import signal
import socket

import pytest
from nascore.cli.weightsserve import check_place


@pytest.fixture
def serving(begin):
    def start(*words):
        process = begin("weights", "serve", *words, "--token-file", "token", "--address", "127.0.0.1:0")
        assert process.stdout.readline().startswith("Serving weights at ")
        return process

    return start


def test_token_of_a_server_that_runs_is_not_overwritten(serving, nascore, tmp_path):
    process = serving("store")
    token = (tmp_path / "token").read_text()
    refused = nascore("weights", "serve", "other", "--token-file", "token")
    assert refused.returncode == 1
    assert "token has the token of a server that runs" in refused.stderr
    assert (tmp_path / "token").read_text() == token
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not (tmp_path / "token").exists()


def test_token_of_a_server_that_was_killed_is_replaced(serving, tmp_path):
    process = serving("store")
    token = (tmp_path / "token").read_text()
    process.kill()
    process.wait(60)
    assert (tmp_path / "token").read_text() == token
    serving("store")
    assert (tmp_path / "token").read_text() != token


@pytest.mark.parametrize("content", [b"", b"what was there", b"a\nb\n", b"x" * 300, b"\xff\n"])
def test_other_files_are_no_place_for_a_token(nascore, tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    refused = nascore("weights", "serve", "store", "--token-file", "token")
    assert refused.returncode == 1
    assert "is there already, and is no token" in refused.stderr
    assert (tmp_path / "token").read_bytes() == content


def test_a_file_is_not_served(nascore, tmp_path):
    (tmp_path / "notes.txt").write_text("kept")
    refused = nascore("weights", "serve", "notes.txt")
    assert refused.returncode == 2
    assert "notes.txt is a file, not a folder for a store" in refused.stderr
    assert (tmp_path / "notes.txt").read_text() == "kept"


def test_a_folder_of_other_things_is_not_served(nascore, tmp_path):
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / "README").touch()
    refused = nascore("weights", "serve", "project")
    assert refused.returncode == 1
    assert "is not empty: it holds README, src" in refused.stderr
    assert not (tmp_path / "weights-token").exists()


@pytest.mark.parametrize(
    "names",
    [(), ("lost+found",), ("lock", "index.db", "index.db-wal"), ("weights-token", "staging"), ("log.jsonl", "README")],
    ids="-".join,
)
def test_a_store_and_what_can_become_one_are_served(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    check_place(tmp_path, token_file=tmp_path / "weights-token")
    check_place(tmp_path / "new", token_file=tmp_path / "weights-token")


def test_a_busy_port_is_told_once(serving, nascore, tmp_path):
    serving("store")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = nascore("weights", "serve", "other", "--token-file", "more", "--address", f"127.0.0.1:{port}")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error  Cannot listen at 127.0.0.1:{port}: Address already in use.\n")
    assert "E0000" not in refused.stderr
    assert "add_port" not in refused.stderr
    assert not (tmp_path / "more").exists()


def test_a_server_of_weights_says_that_it_has_no_experiments(begin, nascore):
    process = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
    address = process.stdout.readline().removeprefix("Serving weights at ").strip()
    refused = nascore("ls", "--server", address, "--token-file", "token")
    shown = " ".join(refused.stderr.split())
    assert refused.returncode == 1
    assert f"The server at {address} does not know the call ListExperiments. " in shown
    assert f"`nascore weights ls --server {address}` lists what it has" in shown
