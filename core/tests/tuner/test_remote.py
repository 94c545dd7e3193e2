"""A tuner in any language: a small script that uses gRPC and the protos only, right and wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nascore.errors import NascoreError, TunerCrashedError, UnsupportedError
from nascore.record import Asked, Objective, Outcome, OutcomeStatus, Report, Told, Verdict, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, connect
from nascore.tuner.contract import Setup
from nascore.tuner.session import TunerSession

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)

# Describe, Open, Ask, Tell and Close: all that a tuner needs. FAULT chooses what it does wrong.
FOREIGN = """
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from nascore.v1 import tuner_pb2 as pb
from nascore.v1 import tuner_pb2_grpc as rpc

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""


class Foreign(rpc.TunerServiceServicer):
    def Describe(self, request, context):
        newest = 3 if FAULT == "newer" else 1
        return pb.DescribeResponse(
            name="" if FAULT == "nameless" else "foreign", version="0.9", min_protocol=newest, max_protocol=newest,
            modes=[pb.MODE_MULTI_TRIAL], determinism=pb.DETERMINISM_REPLAY, max_objectives=1,
        )

    def Open(self, request, context):
        self.labels = [node.label for node in request.space.nodes]
        self.keys = [[candidate.key for candidate in node.one_of.candidates] for node in request.space.nodes]
        self.told, self.seq = 0, 0
        self.fault = json.loads(request.settings_json or "{}").get("fault")
        return pb.OpenResponse(cannot_tune="I only do Mondays." if FAULT == "refuse" else "")

    def Ask(self, request, context):
        self.take(request.outcomes)
        if self.fault == "raise":
            raise ValueError("foreign trouble")
        numbers = range(request.first_number, request.first_number + len(request.seeds))
        proposals = [self.propose(number, seed) for number, seed in zip(numbers, request.seeds)]
        if self.fault == "fewer":
            proposals.pop()
        if self.fault == "more":
            proposals.append(proposals[-1])
        if self.fault == "renumber":
            proposals[0].number += 1
        if self.fault == "unset":
            proposals[0].ClearField("architecture")
        if self.fault == "invalid":
            proposals[0].architecture.decisions[3].candidate = "conv9"
        if self.fault == "status":
            return pb.AskResponse(proposals=proposals)
        return pb.AskResponse(proposals=proposals, status=pb.ASK_STATUS_OK)

    def propose(self, number, seed):
        proposal = pb.Proposal(number=number, task=pb.TASK_EVALUATE)
        for index, (label, keys) in enumerate(sorted(zip(self.labels, self.keys))):
            key = keys[(seed + index * (1 + self.told)) % len(keys)]
            proposal.architecture.decisions.add(path=label, candidate=key)
        return proposal

    def Tell(self, request, context):
        if request.after_seq > self.seq:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "a gap")
        self.take(request.outcomes)
        return pb.TellResponse(told_through=self.seq)

    def take(self, outcomes):
        for outcome in outcomes:
            if outcome.seq > self.seq:
                self.told, self.seq = self.told + 1, outcome.seq

    def Close(self, request, context):
        return pb.CloseResponse()


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
server = grpc.server(ThreadPoolExecutor(1))
rpc.add_TunerServiceServicer_to_server(Foreign(), server)
address = "unix:" + os.environ["NASCORE_TUNER_SOCKET"]
if FAULT == "loopback":
    address = "127.0.0.1:%d" % server.add_insecure_port("127.0.0.1:0")
else:
    server.add_insecure_port(address)
server.start()
print("nascore-tuner v1", address, flush=True)
print("and some chatter afterwards", flush=True)
signal.sigwait({signal.SIGTERM})
server.stop(1).wait()
"""


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    file = tmp_path / "foreign tuner.py"
    file.write_text(FOREIGN)
    return f"exec:{sys.executable} '{file}'"


async def opened(address: str, history: list[Asked | Told] | None = None) -> TunerSession:
    session = await connect(
        address, history=lambda: history or [], limits=HostLimits(backoff_s=0.01), on_trouble=lambda trouble: None
    )
    try:
        await session.open(SETUP, {})
    except NascoreError:
        await session.close()
        raise
    return session


async def test_minimal_tuner_in_any_language_searches(foreign: str) -> None:
    history: list[Asked | Told] = []
    session = await opened(foreign, history)
    try:
        description = await session.describe()
        assert (description.name, description.version) == ("foreign", "0.9")
        waiting: list[Told] = []
        for number in range(0, 40, 4):
            seeds = [proposal_seed(7, number + offset) for offset in range(4)]
            through = waiting[-1].seq if waiting else 0
            answer = await session.ask(number, seeds, outcomes=waiting, told_through=through)
            history.extend(waiting)
            history.extend(map(Asked, answer.proposals, seeds))
            assert [proposal.number for proposal in answer.proposals] == list(range(number, number + 4))
            outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5})
            waiting = [Told(proposal.number + 1, proposal, outcome) for proposal in answer.proposals]
        expected = await session.ask(40, [1], outcomes=waiting, told_through=40)
        # Without Replay it is brought up to date by its other calls.
        session._supervision.life.kill()  # type: ignore[attr-defined]  # the supervised session of this test
        assert await session.ask(40, [1], outcomes=waiting, told_through=40) == expected
        assert await session.review([Report(1, 1, {})]) == (Verdict.CONTINUE,)
        assert await session.snapshot() is None
        with pytest.raises(UnsupportedError, match="derives no architectures"):
            await session.derive(1)
    finally:
        await session.close()


async def test_loopback_address_is_accepted(foreign: str) -> None:
    session = await opened(f"{foreign} loopback")
    assert (await session.ask(0, [5])).proposals
    await session.close()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("newer", UnsupportedError, "speaks protocols 3 to 3; this nascore speaks 1"),
        ("nameless", TunerCrashedError, "the tuner has no name"),
        ("refuse", UnsupportedError, "I only do Mondays."),
    ],
)
async def test_tuner_that_cannot_be_used_is_refused_at_the_door(
    foreign: str, fault: str, kind: type[NascoreError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await opened(f"{foreign} {fault}")


WRONG = {
    "raise": "foreign 0.9 failed in Ask: Exception calling application: foreign trouble",
    "fewer": "1 proposals of 2, and no reason why",
    "more": "3 proposals where 2 were wanted",
    "renumber": "broke its contract with proposal 0: it is numbered 1",
    "unset": "subject is unset",
    "invalid": "layer03",
    "status": "ask: status: enum number 0",
}


async def test_wrong_answer_is_a_crash_that_says_what(foreign: str) -> None:
    said: dict[str, str] = {}
    session = await opened(foreign)
    for number, fault in enumerate(WRONG):
        await session.open(SETUP, {"fault": fault})
        with pytest.raises(TunerCrashedError) as caught:
            await session.ask(0, [5, number])
        said[fault] = str(caught.value)
        await session.open(SETUP, {})
        assert len((await session.ask(0, [5, number])).proposals) == 2
    await session.close()
    assert [fault for fault in WRONG if WRONG[fault] not in said[fault]] == []
