"""Whatever a strategy does, the server lives, somebody is told in one sentence, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import psutil
import pytest
from nascore.errors import NascoreError, TunerCrashedError
from nascore.record import Asked, JsonValue, Objective, Outcome, OutcomeStatus, Proposal, Told, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, Setup
from nascore.tuner.address import connect
from nascore.tuner.supervised import SupervisedTuner

sys.path.insert(0, str(Path(__file__).parent))

from misbehaving.answering import ANSWERING
from misbehaving.deadly import DEADLY
from misbehaving.lingering import LINGERING
from misbehaving.raising import RAISING

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
LIMITS = HostLimits(
    backoff_s=0.01, max_backoff_s=0.05, watch_interval_s=0.02, memory_bytes=300 * 2**20, stop_grace_s=0.3
)
TRIALS = 5
AT = 2

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")


@dataclass
class Search:
    """A search that asks again when an ask fails, as the engine does."""

    session: SupervisedTuner
    troubles: list[str]
    log: list[Asked | Told] = field(default_factory=list)
    found: list[Proposal] = field(default_factory=list)
    failures: list[NascoreError] = field(default_factory=list)
    told_through: int = 0

    async def run(self, count: int = TRIALS, *, most_failures: int = 2) -> list[Proposal]:
        waiting: list[Told] = []
        while len(self.found) < count and len(self.failures) < most_failures:
            number = len(self.found)
            through = waiting[-1].seq if waiting else self.told_through
            seed = proposal_seed(7, number)
            try:
                answer = await self.session.ask(number, [seed], outcomes=waiting, told_through=through)
            except TunerCrashedError as error:
                self.failures.append(error)
                continue
            self.log += [*waiting, Asked(answer.proposals[0], seed)]
            self.found += answer.proposals
            self.told_through = through
            waiting = [Told(2 * number + 1, self.found[-1], Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))]
        return self.found


Begin = Callable[..., "asyncio.Future[Search]"]
IsLeftAlone = Callable[[], Awaitable[bool]]
PassDeadline = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def misbehaving(install: Callable[..., Path]) -> str:
    site = install("misbehaving-tuner", modules={}, entry_points="[nascore.tuners]\nmisbehaving = misbehaving.plugin\n")
    shutil.copytree(Path(__file__).with_name("misbehaving"), site / "misbehaving")
    return "misbehaving"


@pytest.fixture
async def begin(misbehaving: str, is_left_alone: IsLeftAlone) -> AsyncIterator[Begin]:
    sessions: list[SupervisedTuner] = []
    marks: list[str] = []

    async def begin(*, limits: HostLimits = LIMITS, **settings: JsonValue) -> Search:
        troubles: list[str] = []
        search = Search(None, troubles)  # type: ignore[arg-type]  # set in the next line
        session = await connect(
            misbehaving, history=lambda: list(search.log), limits=limits, on_trouble=troubles.append
        )
        assert isinstance(session, SupervisedTuner)
        sessions.append(session)
        marks.append(str(session._supervision.life.connection.process._folder.socket))  # type: ignore[union-attr]  # just connected
        await session.open(SETUP, settings)
        search.session = session
        return search

    yield begin  # type: ignore[misc]  # a coroutine function
    for session in sessions:
        await session.close()
    assert await is_left_alone()
    deadline = time.monotonic() + 60  # On a busy machine a killed process takes a while to die.
    while left := [pid for mark in marks for pid in marked(mark)]:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.01)


def marked(mark: str) -> list[int]:
    """Processes that a tuner started, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.environ().values() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def expected(count: int = TRIALS) -> list[Proposal]:
    """What the tuner proposes if nothing happens to it."""
    steps = [1 + 101 * number for number in range(count)]
    return [
        Proposal(number, SETUP.space.sample(Random(proposal_seed(7, number) + step)), notes={"steps": step})
        for number, step in enumerate(steps)
    ]


def test_every_deed_is_tested() -> None:
    assert sorted(SENTENCES) == sorted(DEADLY)


async def test_what_a_tuner_raises_or_answers_fails_one_call_and_costs_no_process(begin: Begin, tmp_path: Path) -> None:
    search = await begin()
    process = search.session._supervision.life.connection.process  # type: ignore[union-attr]  # open
    hooks = [(deed, hook) for deed in RAISING for hook in ("ask", "tell")] + [(deed, "ask") for deed in ANSWERING]
    for deed, hook in hooks:
        marker = tmp_path / f"{deed} {hook}"
        search.log.clear()
        search.found.clear()
        search.failures.clear()
        search.told_through = 0
        await search.session.open(SETUP, {"deed": deed, "hook": hook, "marker": str(marker)})
        assert await search.run() == expected(), (deed, hook)
        (failure,) = search.failures
        assert "misbehaving" in failure.message
        assert f"trial {AT}" in failure.message or f"proposal {AT}" in failure.message or "Ask" in failure.message
        assert "report it" in failure.hint.lower() or "defect" in failure.hint or "Ask" in failure.message, failure.hint
        assert len(failure.message) < 1500
    assert search.session._supervision.life.connection.process is process  # type: ignore[union-attr]  # open
    assert search.troubles == []


async def test_what_a_tuner_raises_when_it_is_opened_is_said(begin: Begin) -> None:
    with pytest.raises(TunerCrashedError, match=r"misbehaving 1\.2\.3 raised SystemExit in opening: 7"):
        await begin(deed="leave", hook="opening")


SENTENCES = {
    "segfault": r"killed by SIGSEGV\.[\s\S]*Segmentation fault[\s\S]*deadly\.py",
    "exit at once": r"exit status 3\.",
    "kill oneself": r"killed by SIGKILL\.",
    "interrupt": r"killed by SIGINT\.|exit status",
    "loop": r"did not answer Ask within 60 s",
    "deaf loop": r"did not answer Ask within 60 s",
    "stop oneself": r"did not answer Ask within 60 s",
    "leak": r"it used \d+ MiB, above the limit of 300 MiB",
    "allocate at once": r"it used \d+ MiB, above the limit of 300 MiB",
    "leak in a child": r"it used \d+ MiB, above the limit of 300 MiB",
    "close everything": r"misbehaving",
    "say a lot and die": r"exit status 4\.[\s\S]*line 999",
}


@pytest.mark.parametrize(
    "deed",
    [pytest.param(deed, marks=[] if deed in ("segfault", "leak in a child") else pytest.mark.slow) for deed in DEADLY],
)
async def test_deadly_deed_costs_a_process_and_nothing_else(
    begin: Begin, tmp_path: Path, deed: str, pass_deadline: PassDeadline
) -> None:
    search = await begin(deed=deed, marker=str(tmp_path / "done"))
    running = asyncio.create_task(search.run())
    if deed in ("loop", "deaf loop", "stop oneself", "close everything"):
        await pass_deadline((tmp_path / "done").exists)
    assert await running == expected()
    assert search.failures == []
    (trouble,) = search.troubles
    assert trouble.startswith(f"Tuner misbehaving 1.2.3 was lost in ask of trial {AT}: ")
    assert re.search(SENTENCES[deed], trouble), trouble
    assert len(trouble) < 20 * 400


@pytest.mark.slow
async def test_endless_loop_in_a_tell_ends_at_its_deadline(
    begin: Begin, tmp_path: Path, pass_deadline: PassDeadline
) -> None:
    search = await begin(deed="loop", hook="tell", marker=str(tmp_path / "done"))
    running = asyncio.create_task(search.run())
    await pass_deadline((tmp_path / "done").exists)
    assert len(await running) == TRIALS
    assert "did not answer Ask within 60 s" in search.troubles[0]


@pytest.mark.parametrize(
    "deed", [pytest.param(deed, marks=[] if deed == "daemon" else pytest.mark.slow) for deed in LINGERING]
)
async def test_what_would_linger_goes_with_the_tuner_and_spoils_nothing(
    begin: Begin, tmp_path: Path, deed: str
) -> None:
    search = await begin(deed=deed, marker=str(tmp_path / "done"))
    assert await search.run() == expected()
    assert search.troubles == []
    assert search.failures == []


@pytest.mark.slow
async def test_flood_is_taken_in_within_bounds(begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    search = await begin(deed="flood", marker=str(tmp_path / "done"))
    await search.run()
    await search.session.close()
    assert caplog.text.count("spam") < 1000
    assert "more lines are left out: it prints too much" in caplog.text


async def test_tuner_that_dies_at_every_start_is_given_time_and_then_up(begin: Begin, tmp_path: Path) -> None:
    limits = replace(LIMITS, max_deaths=3, backoff_s=0.001)
    search = await begin(limits=limits, deed="exit at once")
    await search.run(most_failures=4)
    assert len(search.found) == AT
    assert search.failures[-1].message.startswith(
        "Quarantined after 3 deaths on the same event. Tuner misbehaving 1.2.3"
    )
    assert "Mend or replace the tuner, or give it more time or memory, then resume." in search.failures[-1].hint
    assert not search.failures[-1].is_retryable


async def test_restarts_leak_no_descriptor_and_no_folder(begin: Begin, tmp_path: Path) -> None:
    search = await begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        search.session._supervision.life.kill()
        await search.run(1)
        before = descriptors()
        for number in range(2, 5):
            search.session._supervision.life.kill()
            await search.run(number)
            assert len(list(tmp_path.glob("nascore-*"))) == 1
    deadline = time.monotonic() + 60  # gRPC closes what was dropped a little later, in a thread of its own.
    while descriptors() > before:
        assert time.monotonic() < deadline, descriptors() - before
        await asyncio.sleep(0.01)
    assert len(search.troubles) == 4


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
