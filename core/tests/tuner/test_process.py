"""A program that is no tuner, or not yet one, is refused with what it said."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from nascore.errors import NascoreError, PluginError, UnsupportedError
from nascore.tuner.limits import HostLimits
from nascore.tuner.process import TunerProcess

IsLeftAlone = Callable[[], Awaitable[bool]]


async def started(*command: str) -> TunerProcess:
    return await TunerProcess.start(command, name="mine", limits=HostLimits(start_timeout_s=60))


def script(folder: Path, source: str) -> str:
    file = folder / "tuner.sh"
    file.write_text(f"#!/bin/sh\n{source}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


@pytest.mark.parametrize(
    ("source", "kind", "sentence"),
    [
        ("exit 7", PluginError, r"ended before its handshake: exit status 7\."),
        ("echo 'no GPU here' >&2; exit 1", PluginError, r"exit status 1\.\n    no GPU here"),
        ("kill -9 $$", PluginError, r"ended before its handshake: killed by SIGKILL\."),
        ("echo hello", PluginError, "printed 'hello' instead of its handshake"),
        ("echo 'nascore-tuner v2 unix:/t.sock'", UnsupportedError, "speaks protocol 2; this nascore speaks 1"),
        ("echo 'nascore-tuner v1 0.0.0.0:80'", PluginError, "serves on '0.0.0.0:80', which others may reach"),
        ("echo 'nascore-tuner v1'", PluginError, "instead of its handshake"),
        ("head -c 100000 /dev/zero", PluginError, "an endless line"),
    ],
    ids=["exit", "stderr", "signal", "chatter", "newer", "public", "no-address", "endless"],
)
async def test_wrong_start_says_what_happened(
    tmp_path: Path, source: str, kind: type[NascoreError], sentence: str, is_left_alone: IsLeftAlone
) -> None:
    with pytest.raises(kind, match=sentence):
        await started(script(tmp_path, source))
    assert await is_left_alone()


async def test_silent_program_is_given_up_with_its_children(
    tmp_path: Path, is_left_alone: IsLeftAlone, pass_deadline: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    pid = tmp_path / "pid"
    program = script(tmp_path, f"echo thinking >&2; sleep 600 & echo $! >{pid}.new; mv {pid}.new {pid}; sleep 600")
    starting = asyncio.create_task(started(program))
    await pass_deadline(pid.exists)
    with pytest.raises(PluginError, match=r"no handshake within 60 s\.\n    thinking"):
        await starting
    assert await is_left_alone()
    deadline = time.monotonic() + 60  # On a busy machine a killed process takes a while to die.
    while is_alive(int(pid.read_text())):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether it runs; one that nobody has waited for yet is dead all the same."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


async def test_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain.py"
    plain.write_text("print()")
    with pytest.raises(PluginError, match="was not found"):
        await started("./no-such-tuner")
    with pytest.raises(PluginError, match=r"plain\.py is not executable") as caught:
        await started(str(plain))
    assert "chmod +x" in caught.value.hint
    with pytest.raises(PluginError, match="is a folder"):
        await started(str(tmp_path))


async def test_socket_lies_in_a_private_folder_that_is_cleared_away(tmp_path: Path, is_left_alone: IsLeftAlone) -> None:
    process = await started(script(tmp_path, 'echo "nascore-tuner v1 unix:$NASCORE_TUNER_SOCKET"; sleep 600'))
    socket = Path(process.address.removeprefix("unix:"))
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert len(str(socket)) < 100
    assert process.is_running
    assert process.memory_bytes() > 0
    await process.stop(grace_s=5)
    await process.stop(grace_s=5)
    assert not socket.parent.exists()
    assert process.memory_bytes() == 0
    assert await is_left_alone()


async def test_deaf_program_is_killed_after_its_grace(tmp_path: Path, is_left_alone: IsLeftAlone) -> None:
    greeting = 'echo "nascore-tuner v1 unix:$NASCORE_TUNER_SOCKET"'
    process = await started(script(tmp_path, f"trap '' TERM; {greeting}; while :; do sleep 1; done"))
    await process.stop(grace_s=0.1)
    assert await is_left_alone()


async def test_secrets_of_the_server_are_not_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASCORE_TOKEN", "canary")
    monkeypatch.setenv("MINE", "kept")
    with pytest.raises(PluginError) as caught:
        await started(sys.executable, "-c", "import os; print(os.environ.get('NASCORE_TOKEN'), os.environ['MINE'])")
    assert "'None kept'" in str(caught.value)
    assert os.environ["NASCORE_TOKEN"] == "canary"


async def test_deep_folder_for_temporary_files_does_not_make_the_socket_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    process = await started(script(tmp_path, 'echo "nascore-tuner v1 unix:$NASCORE_TUNER_SOCKET"; sleep 600'))
    await process.stop(grace_s=5)
    assert len(process.address.removeprefix("unix:")) <= 103
    assert not list(deep.iterdir())


async def test_machine_without_room_for_a_process_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*command: str, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(PluginError, match="could not be started: Resource temporarily"):
        await started("/bin/sh")
    assert not list(tmp_path.iterdir())
