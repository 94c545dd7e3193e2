"""Which folders are in memory."""

import os
from pathlib import Path

import pytest
from nascore.weights.filesystem import is_in_memory

ROW = "36 35 {device} / {place} rw,noatime shared:1 - {system} source rw\n"


def mounts(folder: Path, *rows: tuple[str, str]) -> Path:
    file = folder / "mountinfo"
    file.write_text("".join(ROW.format(device=device, place=r"/a\040-\040b", system=system) for device, system in rows))
    return file


def device(folder: Path) -> str:
    found = folder.stat().st_dev
    return f"{os.major(found)}:{os.minor(found)}"


@pytest.mark.parametrize(("system", "wanted"), [("tmpfs", True), ("ramfs", True), ("ext4", False), ("nfs4", False)])
def test_the_system_says_what_a_folder_is_on(tmp_path: Path, system: str, *, wanted: bool) -> None:
    rows = [("999:999", "tmpfs" if not wanted else "ext4"), (device(tmp_path), system)]
    assert is_in_memory(tmp_path, mounts=mounts(tmp_path, *rows)) == wanted


@pytest.mark.parametrize("content", ["", "nonsense\n", "36 35\n", "36 35 {device} / /\n", "36 35 {device} / / - \n"])
def test_what_is_not_told_is_not_in_memory(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(content.format(device=device(tmp_path)))
    assert not is_in_memory(tmp_path, mounts=file)
    assert not is_in_memory(tmp_path, mounts=tmp_path / "missing")
    assert not is_in_memory(tmp_path / "missing", mounts=file)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no shared memory in a folder")
def test_shared_memory_is_in_memory() -> None:
    assert is_in_memory(Path("/dev/shm"))
    assert not is_in_memory(Path("/proc"))
