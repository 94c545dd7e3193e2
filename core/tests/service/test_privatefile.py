"""Files that only this user can read, and reading only such."""

import os
import stat
from pathlib import Path

import pytest
from nascore.client import Secret, read_token
from nascore.errors import DataLossError, PermissionDeniedError
from nascore.service import write_token
from nascore.service.privatefile import read_private, write_private


def test_token_file_is_private_and_replaced_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "token"
    target.write_text("old and open to all")
    target.chmod(0o666)
    write_token(target, Secret("fresh"))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert read_token(target).reveal() == "fresh"
    assert list(tmp_path.iterdir()) == [target]


def test_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "x", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_link_in_place_of_the_token_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "token").symlink_to(victim)
    write_token(tmp_path / "token", "fresh")
    assert victim.read_text() == "untouched"
    assert not (tmp_path / "token").is_symlink()


def test_failed_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_private(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_missing_file_is_empty(tmp_path: Path) -> None:
    assert read_private(tmp_path / "none", most=10) == b""


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o640, 0o604, 0o666])
def test_file_that_others_may_open_is_not_read(tmp_path: Path, mode: int) -> None:
    write_private(tmp_path / "x", b"1")
    (tmp_path / "x").chmod(mode)
    with pytest.raises(PermissionDeniedError, match=rf"mode {mode:04o} lets other users at it.*chmod 600"):
        read_private(tmp_path / "x", most=10)


def test_file_of_another_user_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "x", b"1")
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(PermissionDeniedError, match="belongs to user"):
        read_private(tmp_path / "x", most=10)


def test_link_pipe_and_folder_are_not_read(tmp_path: Path) -> None:
    write_private(tmp_path / "x", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("link", "pipe", "folder"):
        with pytest.raises(PermissionDeniedError, match=name):
            read_private(tmp_path / name, most=10)


def test_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    write_private(tmp_path / "x", b"1" * 11)
    with pytest.raises(DataLossError, match="over 10 bytes"):
        read_private(tmp_path / "x", most=10)
