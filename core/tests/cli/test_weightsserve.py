"""A store served alone: the file with its token."""

import signal

import pytest


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
    assert process.wait(30) == 0
    assert not (tmp_path / "token").exists()


def test_token_of_a_server_that_was_killed_is_replaced(serving, tmp_path):
    process = serving("store")
    token = (tmp_path / "token").read_text()
    process.kill()
    process.wait(30)
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
