"""A child process: it is started without a fork, read, and its end is noticed; nothing of it stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nascore.tuner.child import Child

_LIMIT = 64 * 1024


async def started(source: str) -> Child:
    return await Child.start(("/bin/sh", "-c", source), environment=dict(os.environ), limit=_LIMIT)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(params=["descriptor", "thread"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the end is noticed."""
    if request.param == "thread":
        monkeypatch.delattr(os, "pidfd_open")
    return str(request.param)


@pytest.mark.parametrize(("source", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
async def test_its_end_and_what_it_said_are_known(way: str, source: str, status: int) -> None:
    child = await started(f"echo out; echo err >&2; {source}")
    assert await child.stdout.read() == b"out\n"
    assert await child.stderr.read() == b"err\n"
    await child.wait()
    assert child.returncode == status
    child.close()


async def test_it_runs_until_it_ends(way: str) -> None:
    child = await started("echo begun; sleep 60")
    assert await child.stdout.readline() == b"begun\n"
    assert child.returncode is None
    os.killpg(child.pid, 9)
    await child.wait()
    assert child.returncode == -9
    child.close()


async def test_many_leave_no_descriptor_behind() -> None:
    await (await started("true")).wait()
    before = descriptors()
    for _ in range(20):
        child = await started("echo x")
        assert await child.stdout.read() == b"x\n"
        await child.stderr.read()
        await child.wait()
        child.close()
    assert descriptors() <= before + 2


async def test_a_program_that_is_not_there_is_an_os_error_and_leaves_nothing() -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        await Child.start(("/nowhere/at/all",), environment={}, limit=_LIMIT)
    assert descriptors() <= before  # Of earlier tests some may be closed meanwhile.


FORKING = """
import asyncio, os
from nascore.eventloop import loop_factory
from nascore.tuner.child import Child

os.register_at_fork(before=lambda: print("forked"), after_in_child=lambda: print("forked"))

async def main():
    child = await Child.start(("/bin/sh", "-c", "exit 3"), environment={}, limit=1024)
    await child.wait()
    print(child.returncode)

with asyncio.Runner(loop_factory=loop_factory()) as runner:
    runner.run(main())
"""


def test_no_handler_of_a_fork_runs_between_this_process_and_the_program() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    assert ran.stdout == "3\n"
