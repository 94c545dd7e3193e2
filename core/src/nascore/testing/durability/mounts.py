"""Small file systems of our own: ext4 in a file, whose power can be cut, and a tmpfs that is soon full.

They need the rights of root; `missing` says why not. Every mount is undone on leaving, also after an error. The cut is
ext4's own: the shutdown ioctl without flushing its journal, which forgets all that was not synced. Sources: Linux
fs/ext4/ioctl.c (``EXT4_IOC_SHUTDOWN``), xfstests ``src/godown.c``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHUTDOWN = 0x8004587D
_WITHOUT_FLUSHING = 2


class PowerSupply:
    """An ext4 file system in a file; its power can be cut and comes back.

    Args:
        image: The file; it is made.
        place: Empty folder to mount it on.
        mebibytes: Its size.
    """

    def __init__(self, image: Path, place: Path, *, mebibytes: int = 24) -> None:
        self.place = place
        self._image = image
        with image.open("wb") as file:
            file.truncate(mebibytes * 2**20)
        _run("mkfs.ext4", "-q", "-F", "-O", "^resize_inode", str(image))
        self.on()

    def cut(self) -> None:
        """Forget, this moment, all that was not synced; every later write fails."""
        descriptor = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("=I", _WITHOUT_FLUSHING))
        finally:
            os.close(descriptor)

    def off(self) -> None:
        """Unmount; nobody may have a file open."""
        _run("umount", str(self.place))

    def on(self) -> None:
        """Mount, which replays the journal."""
        _run("mount", "-o", "loop", str(self._image), str(self.place))


@contextmanager
def powered(*, mebibytes: int = 24) -> Iterator[PowerSupply]:
    """Mount a fresh ext4 file system; it is gone on leaving."""
    with tempfile.TemporaryDirectory(prefix="nascore-power-") as folder:
        place = Path(folder) / "mount"
        place.mkdir()
        try:
            yield PowerSupply(Path(folder) / "image", place, mebibytes=mebibytes)
        finally:
            _unmount(place)


class OvercommittedDisk:
    """An ext4 file system that promises more room than there is, as thinly provisioned volumes do.

    A write is taken and fails when it is synced; the kernel then holds the page for clean, and what it holds is gone
    when the page is. It has no journal of its own that would stop it at the first failure.

    Args:
        pool: Empty folder for the real room.
        place: Empty folder to mount it on.
        kibibytes: How much room there really is.
    """

    def __init__(self, pool: Path, place: Path, *, kibibytes: int) -> None:
        self.place = place
        self._pool = pool
        self._image = pool / "image"
        _run("mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(pool))
        with self._image.open("wb") as file:
            file.truncate(16 * 2**20)
        options = (
            "-O",
            "^has_journal,^resize_inode",
            "-b",
            "4096",
            "-E",
            "lazy_itable_init=1,nodiscard",
            "-m",
            "0",
            "-N",
            "64",
        )
        _run("mkfs.ext4", "-q", "-F", *options, str(self._image))
        self._mount()

    def grow(self) -> None:
        """Give it the room that it promised."""
        _run("mount", "-o", "remount,size=32m", str(self._pool))

    def forget(self) -> None:
        """Unmount and mount again: what was not written is gone."""
        _run("umount", str(self.place))
        self._mount()

    def _mount(self) -> None:
        # Requests of one page: the loop driver takes a write that was cut short for a whole one.
        device = _run("losetup", "--find", "--show", str(self._image))
        Path("/sys/block", Path(device).name, "queue/max_sectors_kb").write_text("4")
        try:
            _run("mount", device, str(self.place))
        finally:
            _run("losetup", "--detach", device)  # It stays until it is unmounted.


@contextmanager
def overcommitted_disk(kibibytes: int) -> Iterator[OvercommittedDisk]:
    """Mount a file system with less room behind it than it says; it is gone on leaving."""
    with tempfile.TemporaryDirectory(prefix="nascore-thin-") as folder:
        pool, place = Path(folder) / "pool", Path(folder) / "mount"
        pool.mkdir()
        place.mkdir()
        try:
            yield OvercommittedDisk(pool, place, kibibytes=kibibytes)
        finally:
            _unmount(place)
            _unmount(pool)


@contextmanager
def small_disk(kibibytes: int) -> Iterator[Path]:
    """Mount a tmpfs of that size; it is gone on leaving."""
    with tempfile.TemporaryDirectory(prefix="nascore-full-") as folder:
        place = Path(folder) / "mount"
        place.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(place))
        try:
            yield place
        finally:
            _unmount(place)


def missing() -> str:
    """Return why nothing can be mounted here; empty if it can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    for program in ("losetup", "mkfs.ext4", "mount", "umount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        with powered(mebibytes=4):
            return ""
    except RuntimeError as error:
        return str(error)


def _unmount(place: Path) -> None:
    # Lazily if need be: a process that died a moment ago may not have let go yet.
    if place.is_mount() and subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        _run("umount", "-l", str(place))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
