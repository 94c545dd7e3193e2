"""Whatever a tuner does to itself, the search goes on as if nothing had happened, or stops with a clear sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import psutil
import pytest
from nascore.errors import InvalidInputError, SettingsError, StateError, TunerCrashedError, UnsupportedError
from nascore.record import (
    Asked,
    Failure,
    FailureKind,
    JsonValue,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Told,
    proposal_seed,
)
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, LocalSession, TunerSession, connect, load_tuner
from nascore.tuner.contract import Setup
from nascore.tuner.endpoints import Connection
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.servicer import Hosted, tuner_handler
from nascore.tuner.supervised import SupervisedTuner

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
PRINTED = "\n    a greeting on standard output at import"
SETUP_PROPOSAL = Proposal(99, SETUP.space.default())
IsLeftAlone = Callable[[], Awaitable[bool]]
PassDeadline = Callable[[Callable[[], bool]], Awaitable[None]]

LIMITS = HostLimits(backoff_s=0.01, max_backoff_s=0.05, watch_interval_s=0.02, memory_bytes=400 * 2**20, stop_grace_s=2)


class Search:
    """A small engine: a log, written before the next question, and outcomes that come one step late."""

    def __init__(self) -> None:
        self.log: list[Asked | Told] = []
        self.troubles: list[str] = []
        self.failures: list[TunerCrashedError] = []
        self.found: list[Proposal] = []
        self._untold: list[Told] = []
        self._told_through = 0

    async def run(
        self,
        session: TunerSession,
        count: int,
        *,
        before: Callable[[int], Awaitable[None]] | None = None,
        attempts: int = 3,
    ) -> list[Proposal]:
        while len(self.found) < count and len(self.failures) < attempts:
            number = len(self.found)
            if before:
                await before(number)
            await self._ask(session, number)
        return self.found

    async def _ask(self, session: TunerSession, number: int) -> None:
        seed = proposal_seed(7, number)
        through = self._untold[-1].seq if self._untold else self._told_through
        try:
            answer = await session.ask(number, [seed], outcomes=self._untold, told_through=through)
        except TunerCrashedError as error:
            self.failures.append(error)
            return
        self.log += [*self._untold, Asked(answer.proposals[0], seed)]
        self._told_through = through
        self.found += answer.proposals
        outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": number / 100})
        self._untold = [Told(2 * number + 1, answer.proposals[0], outcome)]


@asynccontextmanager
async def supervised(
    search: Search, name: str, *, limits: HostLimits = LIMITS, **settings: JsonValue
) -> AsyncIterator[SupervisedTuner]:
    before = psutil.Process().children(recursive=True)
    session = await connect(name, history=lambda: list(search.log), limits=limits, on_trouble=search.troubles.append)
    assert isinstance(session, SupervisedTuner)
    try:
        await session.open(SETUP, settings)
        yield session
    finally:
        await session.close()
        deadline = time.monotonic() + 60  # On a busy machine a killed process takes a while to die.
        while not set(psutil.Process().children(recursive=True)) <= set(before):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


class ServedEndpoint:
    """The same tuner served in this process, where a start costs nothing; a kill stops the server."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._servers: list[grpc.aio.Server] = []

    async def connect(self, limits: HostLimits) -> Connection:
        address = f"unix:{self._folder}/{len(self._servers)}.sock"
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((tuner_handler(Hosted(*load_tuner(self.name))),))
        server.add_insecure_port(address)
        await server.start()
        self._servers.append(server)
        return Connection(RemoteTuner(address, limits=limits), None)

    async def kill(self) -> None:
        await self._servers[-1].stop(None)

    async def end(self) -> None:
        for server in self._servers:
            await server.stop(None)

    @property
    def starts(self) -> int:
        return len(self._servers)


@asynccontextmanager
async def served(search: Search, endpoint: ServedEndpoint, **settings: JsonValue) -> AsyncIterator[SupervisedTuner]:
    session = SupervisedTuner(
        endpoint, history=lambda: list(search.log), limits=LIMITS, on_trouble=search.troubles.append
    )
    try:
        await session.open(SETUP, settings)
        yield session
    finally:
        await session.close()


@pytest.fixture
async def endpoint(troubled: str, tmp_path: Path) -> AsyncIterator[ServedEndpoint]:
    served = ServedEndpoint(troubled, tmp_path)
    yield served
    await served.end()


@pytest.fixture
async def expected(troubled: str) -> list[Proposal]:
    """What the tuner proposes when nothing happens to it, in this process."""
    tuner, version = load_tuner(troubled)
    session = LocalSession(tuner, version=version)
    await session.open(SETUP, {})
    found = await Search().run(session, 8)
    assert [proposal.notes["steps"] for proposal in found] == [1 + 101 * number for number in range(8)]
    return found


@pytest.mark.parametrize(
    ("vice", "sentence"),
    [
        ("exit", "exit status 3.\n    a greeting on standard output at import\n    goodbye"),
        ("hang", "did not answer Ask within 60 s"),
        ("leak", "above the limit of 200 MiB"),
    ],
)
async def test_lost_tuner_is_started_again_and_continues_bit_for_bit(
    troubled: str, tmp_path: Path, expected: list[Proposal], vice: str, sentence: str, pass_deadline: PassDeadline
) -> None:
    search, marker = Search(), tmp_path / "done"
    limits = HostLimits(backoff_s=0.01, watch_interval_s=0.02, memory_bytes=200 * 2**20)
    async with supervised(search, troubled, limits=limits, vice=vice, marker=str(marker)) as session:
        running = asyncio.create_task(search.run(session, 8))
        if vice == "hang":
            await pass_deadline(marker.exists)
        assert await running == expected
    assert search.failures == []
    (trouble,) = search.troubles
    assert trouble.startswith("Tuner troubled 1.2.3 was lost in ask of trial 3: ")
    assert sentence in trouble


@pytest.mark.parametrize("vice", ["raise", "raise in tell"])
async def test_exception_fails_one_call_and_not_the_next(
    endpoint: ServedEndpoint, tmp_path: Path, expected: list[Proposal], vice: str
) -> None:
    search = Search()
    async with served(search, endpoint, vice=vice, marker=str(tmp_path / "done")) as session:
        assert await search.run(session, 8) == expected
    # One exception costs no process.
    assert endpoint.starts == 1
    (failure,) = search.failures
    assert "Tuner troubled 1.2.3 raised" in failure.message
    assert "trial 3" in failure.message
    assert "troubled_plugin.py, line" in failure.hint
    assert search.troubles == []


async def test_invalid_architecture_fails_with_its_path(endpoint: ServedEndpoint) -> None:
    search = Search()
    async with served(search, endpoint, vice="invalid", at=1) as session:
        await search.run(session, 8, attempts=1)
    assert len(search.found) == 1
    assert "broke its contract with proposal 1" in search.failures[0].message
    assert "layer00" in search.failures[0].message


async def test_what_dies_on_the_same_event_again_and_again_is_quarantined(
    troubled: str, is_left_alone: IsLeftAlone
) -> None:
    search = Search()
    limits = replace(LIMITS, max_deaths=2)
    async with supervised(search, troubled, limits=limits, vice="exit", at=2) as session:
        await search.run(session, 8, attempts=3)
        assert await is_left_alone()
    assert len(search.found) == 2
    lost = [trouble for trouble in search.troubles if "was lost in ask of trial 2: exit status 3" in trouble]
    quarantines = [trouble for trouble in search.troubles if trouble.startswith("Quarantined after 2 deaths")]
    assert (len(lost), len(quarantines)) == (3, 1)
    assert [failure.is_retryable for failure in search.failures] == [True, False, False]
    assert "Quarantined after 2 deaths" in search.failures[-1].message
    assert HostLimits().max_deaths == 5


async def test_exceptions_on_the_same_event_count_as_deaths(endpoint: ServedEndpoint) -> None:
    search = Search()
    async with served(search, endpoint, vice="raise", at=2) as session:
        await search.run(session, 8, attempts=7)
    assert len(search.found) == 2
    assert [failure.is_retryable for failure in search.failures] == [True] * 5 + [False] * 2


async def test_death_between_calls_and_printing_go_unnoticed_by_the_search(
    troubled: str, expected: list[Proposal]
) -> None:
    search = Search()
    async with supervised(search, troubled, vice="print", at=6) as session:

        async def kill(number: int) -> None:
            if number == 4:
                session._supervision.life.kill()

        assert await search.run(session, 8, before=kill) == expected
    assert search.troubles == ["Tuner troubled 1.2.3 was lost in ask of trial 4: killed by SIGKILL." + PRINTED]
    assert search.failures == []


async def test_divergence_after_a_restart_stops_the_session_and_names_the_trial(endpoint: ServedEndpoint) -> None:
    search = Search()
    async with served(search, endpoint) as session:
        await search.run(session, 4)
        place = next(index for index, event in enumerate(search.log) if isinstance(event, Asked))
        search.log[place] = Asked(Proposal(0, SETUP.space.default()), proposal_seed(7, 0))
        await endpoint.kill()
        with pytest.raises(StateError, match=r"troubled 1\.2\.3 proposed otherwise than logged .*\(trials 0\)"):
            await search.run(session, 5)
    assert len(search.found) == 4
    assert any("proposed otherwise than logged" in trouble and "trials 0" in trouble for trouble in search.troubles)


async def test_lost_tuner_is_started_again_from_the_state_that_it_saved_last(
    endpoint: ServedEndpoint, expected: list[Proposal]
) -> None:
    search = Search()
    async with served(search, endpoint) as session:
        await search.run(session, 5)
        assert await session.snapshot() == (b"405", 7)
        search.log.clear()  # What a caller keeps from now on is what came afterwards.
        await endpoint.kill()
        assert await search.run(session, 8) == expected
    assert len(search.troubles) == 1


@pytest.mark.parametrize("vice", ["forget", "raise in restore"])
async def test_state_that_does_not_lead_on_is_not_used(endpoint: ServedEndpoint, vice: str) -> None:
    search = Search()
    async with served(search, endpoint, vice=vice) as session:
        await search.run(session, 5)
        assert await session.snapshot() is not None
        search.log.clear()
        await search.run(session, 6)
        await endpoint.kill()
        with pytest.raises(StateError, match=r"proposed otherwise|cannot go on from the state that it saved"):
            await search.run(session, 7)
    assert len(search.found) == 6


async def test_log_written_ahead_of_the_tuner_is_not_replayed_ahead(
    endpoint: ServedEndpoint, expected: list[Proposal]
) -> None:
    search = Search()
    async with served(search, endpoint) as session:
        await search.run(session, 5)
        # The engine has logged an outcome (and a question of another worker), and the tuner dies before it is told.
        written = list(search.log)
        search.log += [*search._untold, Asked(SETUP_PROPOSAL, 1)]
        await endpoint.kill()
        await session.ask(4, [proposal_seed(7, 4)], told_through=search._told_through)
        search.log = written
        assert await search.run(session, 8) == expected
    assert len(search.troubles) == 1


async def test_resumed_search_continues_bit_for_bit(endpoint: ServedEndpoint, expected: list[Proposal]) -> None:
    search = Search()
    async with served(search, endpoint) as session:
        await search.run(session, 5)
    async with served(search, endpoint) as session:
        assert await session.replay(search.log) == ()
        assert await search.run(session, 8) == expected


async def test_refusals_are_not_retried(endpoint: ServedEndpoint) -> None:
    search = Search()
    session = SupervisedTuner(endpoint, history=list, limits=LIMITS, on_trouble=search.troubles.append)
    with pytest.raises(SettingsError, match="Did you mean 'vice'") as caught:
        await session.open(SETUP, {"vise": "none"})
    assert [violation.field for violation in caught.value.violations] == ["vise"]
    with pytest.raises(UnsupportedError, match="It has no time for you"):
        await session.open(SETUP, {"vice": "refuse"})
    with pytest.raises(StateError, match="not open"):
        await session.ask(0, [1])
    assert search.troubles == []
    assert endpoint.starts == 1
    await session.close()
    await session.close()
    with pytest.raises(InvalidInputError, match="is closed"):
        await session.open(SETUP, {})


async def test_closing_does_not_wait_for_a_tuner_that_hangs(
    troubled: str, tmp_path: Path, is_left_alone: IsLeftAlone
) -> None:
    search, marker = Search(), tmp_path / "done"
    limits = HostLimits(ask_timeout_s=600, stop_grace_s=0.2)
    session = await connect(troubled, history=list, limits=limits, on_trouble=search.troubles.append)
    await session.open(SETUP, {"vice": "hang", "at": 0, "marker": str(marker)})
    asking = asyncio.create_task(session.ask(0, [1]))
    while not marker.exists():
        await asyncio.sleep(0.01)
    await asyncio.wait_for(session.close(), 60)
    with pytest.raises(InvalidInputError, match="is closed"):
        await asking
    assert await is_left_alone()


async def test_outcomes_beyond_one_message_are_told_in_several(endpoint: ServedEndpoint) -> None:
    failure = Failure(FailureKind.EXCEPTION, "It failed.", "x" * 16_384)
    outcomes = [
        Told(seq, Proposal(seq - 1, SETUP.space.default()), Outcome(OutcomeStatus.FAILED, failure=failure))
        for seq in range(1, 601)
    ]
    async with served(Search(), endpoint) as session:
        await session.tell(outcomes[:300], after_seq=0)
        answer = await session.ask(700, [1], outcomes=outcomes[300:], told_through=600)
    assert answer.proposals[0].notes == {"steps": 60_001}


async def test_what_a_caller_left_half_cleared_away_is_cleared_by_closing(endpoint: ServedEndpoint) -> None:
    session = SupervisedTuner(endpoint, history=list, limits=LIMITS, on_trouble=str)
    await session.open(SETUP, {})
    tuner = session._supervision.life.connection.tuner  # type: ignore[union-attr]  # open above
    disconnect, ended, may_end = tuner.disconnect, [], asyncio.Event()

    async def slow() -> None:
        await may_end.wait()
        await disconnect()
        ended.append(tuner)

    tuner.disconnect = slow  # type: ignore[method-assign]  # a slow end
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session._supervision.life.drop(grace_s=0), 0.01)
    assert ended == []
    may_end.set()
    await session.close()
    assert ended == [tuner]
