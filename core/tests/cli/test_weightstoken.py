"""Of several servers that want one file for their token, one has it, and the others say so."""

import errno
import fcntl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from nascore.cli.weightstoken import kept_token
from nascore.errors import ConflictError, StateError


def left(path, content=b"left-behind\n"):
    path.write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"what was there", b"a\nb\n", b"x" * 300, b"\xff\n"])
def test_what_is_no_token_stays(tmp_path, content):
    left(tmp_path / "token", content)
    with pytest.raises(ConflictError, match="is no token"), kept_token(tmp_path / "token"):
        pytest.fail("it was taken")
    assert (tmp_path / "token").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_it_is_there_for_this_user_alone_while_the_server_runs(tmp_path):
    path = tmp_path / "token"
    with kept_token(path) as token:
        assert path.read_text() == f"{token.reveal()}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(StateError, match="of a server that runs"), kept_token(path):
            pytest.fail("it was taken")
        assert path.read_text() == f"{token.reveal()}\n"
    assert list(tmp_path.iterdir()) == []


def test_one_that_a_killed_server_left_is_replaced(tmp_path):
    left(tmp_path / "token")
    with kept_token(tmp_path / "token") as token:
        assert (tmp_path / "token").read_text() == f"{token.reveal()}\n"


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("nascore.cli.weightstoken.os.link", link)
    path = tmp_path / "token"
    for _ in range(2):
        with kept_token(path) as token:
            assert path.read_text() == f"{token.reveal()}\n"
            with pytest.raises(StateError, match="of a server that runs"), kept_token(path):
                pytest.fail("it was taken")
        assert list(tmp_path.iterdir()) == []
        left(path)


def test_a_link_to_nothing_is_no_endless_search(tmp_path):
    (tmp_path / "token").symlink_to(tmp_path / "none")
    with pytest.raises(StateError, match="comes and goes"), kept_token(tmp_path / "token"):
        pytest.fail("it was taken")


def test_what_another_has_put_in_its_place_stays_at_the_end(tmp_path):
    path = tmp_path / "token"
    with kept_token(path):
        left(tmp_path / "other")
        (tmp_path / "other").replace(path)
    assert path.read_bytes() == b"left-behind\n"


def begun_at_once(path, count):
    """How many of so many that begin at one moment have the file, and what the others say."""
    gate, told = threading.Barrier(count), threading.Barrier(count)

    def begin(_):
        gate.wait()
        with ExitStack() as stack:
            try:
                token = stack.enter_context(kept_token(path))
            except StateError as error:
                told.wait()
                return str(error)
            told.wait()  # Nobody ends before all have tried.
            assert path.read_text() == f"{token.reveal()}\n"
            return ""

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


@pytest.mark.parametrize("is_left", [False, True], ids=["new", "left behind"])
def test_of_those_that_begin_at_once_one_has_it(tmp_path, is_left):
    for number in range(20):
        path = tmp_path / f"token{number}"
        if is_left:
            left(path)
        said = begun_at_once(path, 4)
        assert said.count("") == 1
        assert all("of a server that runs" in one for one in said if one)
        assert not path.exists()


def test_who_looked_at_the_old_one_does_not_replace_the_new_one(tmp_path, monkeypatch):
    """Between looking and locking another server may have replaced what is there, and have let go of the old file."""
    path = tmp_path / "token"
    left(path)
    lock, tokens = fcntl.flock, []

    def overtaken(file, how):
        if how & fcntl.LOCK_EX and not tokens:
            tokens.append("")
            tokens.append(others.enter_context(kept_token(path)))
        lock(file, how)

    with ExitStack() as others:
        monkeypatch.setattr(fcntl, "flock", overtaken)
        with pytest.raises(StateError, match="of a server that runs"), kept_token(path):
            pytest.fail("it was taken")
        assert path.read_text() == f"{tokens[1].reveal()}\n"
    assert list(tmp_path.iterdir()) == []
