"""Folders of dead servers are cleared away; those of living ones, and of others, are not."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nascore.tuner import folders
from nascore.tuner.folders import PrivateFolder, clear_stale

OWNER = """
import sys, time
from nascore.tuner.folders import PrivateFolder
folder = PrivateFolder(socket_name="t.sock")
print(folder.socket.parent, flush=True)
time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_private_and_goes_when_it_is_cleared(place: Path) -> None:
    folder = PrivateFolder(socket_name="t.sock")
    assert stat.S_IMODE(folder.socket.parent.stat().st_mode) == 0o700
    assert folder.socket.parent.parent == place
    folder.clear()
    folder.clear()
    assert not list(place.iterdir())


def test_killed_owner_leaves_a_folder_that_the_next_one_clears_away(place: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(place)}
    )
    assert owner.stdout is not None
    left = Path(owner.stdout.readline().decode().strip())
    (left / "t.sock").touch()
    mine = PrivateFolder(socket_name="t.sock")
    assert clear_stale(place) == 0  # Both owners live.
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert left.exists()
    assert clear_stale(place) == 1
    assert list(place.iterdir()) == [mine.socket.parent]
    mine.clear()


def test_what_is_not_surely_ours_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "nascore-plain").mkdir()
    (place / "nascore-file").touch()
    (place / "nascore-unborn").mkdir()
    (place / "nascore-unborn" / "owner.lock.new").touch()
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "owner.lock").touch()
    (place / "nascore-link").symlink_to(elsewhere)
    (place / "nascore-trap").mkdir()
    (place / "nascore-trap" / "owner.lock").symlink_to(elsewhere / "owner.lock")
    before = sorted(place.rglob("*"))
    assert clear_stale(place) == 0
    assert sorted(place.rglob("*")) == before
    (place / "nascore-theirs").mkdir()
    (place / "nascore-theirs" / "owner.lock").touch()
    monkeypatch.setattr(folders.os, "getuid", lambda: place.stat().st_uid + 1)
    assert clear_stale(place) == 0
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    assert clear_stale(place) == 1
