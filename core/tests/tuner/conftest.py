"""Little distributions for the tests: installed by writing their metadata, as a package manager would."""

from __future__ import annotations

import asyncio
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from nascore.tuner import process

Install = Callable[..., Path]

# One tuner with every vice. Which one, and at which trial, is a setting; a marker file makes it happen only once.
TROUBLED = """
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from nascore.record import Proposal
from nascore.space import Architecture
from nascore.tuner import Determinism, NoProposal, Settings, Tuner, hookimpl

NASCORE_PLUGIN_API = 1
print("a greeting on standard output at import")


class TroubledSettings(Settings):
    vice: str = ""
    at: int = 3
    marker: str = ""


class Troubled(Tuner[TroubledSettings]):
    name = "troubled"
    summary = "Has every vice."
    settings_type = TroubledSettings
    determinism = Determinism.REPLAY

    def __init__(self, setup, settings):
        super().__init__(setup, settings)
        self.steps = 0
        self.kept = []

    @classmethod
    def cannot_tune(cls, setup, settings):
        return "It has no time for you." if settings.vice == "refuse" else ""

    def ask(self, number, seed):
        if number == self.settings.at and self.settings.vice != "raise in tell" and self.is_due():
            self.indulge(number)
        self.steps += 1
        generator = Random(seed + self.steps)
        if self.settings.vice == "invalid" and number == self.settings.at:
            return Proposal(number, Architecture({"layer00": "conv9"}))
        return Proposal(number, self.space.sample(generator), notes={"steps": self.steps})

    def tell(self, proposal, outcome):
        if self.settings.vice == "raise in tell" and proposal.number == self.settings.at and self.is_due():
            raise RuntimeError("no more tales")
        self.steps += 100

    def snapshot(self):
        return b"%d" % (0 if self.settings.vice == "forget" else self.steps)

    def restore(self, state):
        if self.settings.vice == "raise in restore":
            raise KeyError("steps")
        self.steps = int(state)

    def is_due(self):
        marker = self.settings.marker
        if marker and Path(marker).exists():
            return False
        if marker:
            Path(marker).touch()
        return True

    def indulge(self, number):
        vice = self.settings.vice
        if vice == "raise":
            raise ValueError("bad luck with trial %d" % number)
        if vice == "hang":
            time.sleep(600)
        if vice == "leak":
            while True:
                self.kept.append(bytearray(os.urandom(1) * (8 * 2**20)))
                time.sleep(0.005)
        if vice == "exit":
            print("goodbye", flush=True)
            os._exit(3)
        if vice == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if vice == "print":
            print("nascore-tuner v1 unix:/nowhere", flush=True)


@hookimpl
def nascore_tuners():
    return {"troubled": Troubled}
"""


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """What a busy machine does late is waited for: the end of a process, and the reading of its last words."""
    with pytest.MonkeyPatch.context() as patch:  # Its own, for a test's is undone before the fixtures that follow it.
        patch.setattr(process, "_REAP_S", 60.0)
        patch.setattr(process, "_LAST_WORDS_S", 60.0)
        yield


@pytest.fixture
def leftovers() -> Callable[[], list[psutil.Process]]:
    """Return the descendants of this process that have come since the test began.

    Others may be there: what a file's tests share lives as long as the file.
    """
    before = set(psutil.Process().children(recursive=True))
    return lambda: [each for each in psutil.Process().children(recursive=True) if each not in before]


@pytest.fixture
def is_left_alone(leftovers: Callable[[], list[psutil.Process]]) -> Callable[[], Awaitable[bool]]:
    """Return whether they are gone, or go within a minute: on a busy machine a killed process takes a while to die."""

    async def is_left_alone() -> bool:
        return await becomes(lambda: not leftovers())

    return is_left_alone


async def becomes(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so, for a minute at most; returns whether it is."""
    deadline = time.monotonic() + 60
    while not (found := is_so()) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return found


@pytest.fixture
def pass_deadline(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Turns the clock of the event loop by an hour once something is so: what is waited for then is overdue.

    A deadline that is short in earnest would pass on a busy machine before what it is meant for has begun.
    """

    async def pass_deadline(is_so: Callable[[], bool]) -> None:
        assert await becomes(is_so)
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda before=loop.time: before() + 3600)

    return pass_deadline


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution for this test: in this process and in those it starts."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))

    def install(
        name: str, *, modules: Mapping[str, str], entry_points: str, version: str = "1.2.3", metadata: str = ""
    ) -> Path:
        for module, source in modules.items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        return site

    return install


@pytest.fixture
def troubled(install: Install) -> str:
    """Install the tuner with every vice and return its name."""
    install(
        "troubled-tuner",
        modules={"troubled_plugin": TROUBLED},
        entry_points="[nascore.tuners]\ntroubled = troubled_plugin\n",
    )
    return "troubled"
