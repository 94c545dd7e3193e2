"""Old clients with new servers and new clients with old servers, by real gRPC: every pair gets through a search."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from nascore.eventloop import loop_factory
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, Told, proposal_seed
from nascore.service import Server
from nascore.space import SearchSpace
from nascore.space.wire import space_to_message
from nascore.testing import choice
from nascore.testing.schema import Schema
from nascore.tuner import AskStatus, LocalSession, RemoteTuner, Settings, Setup, Tuner
from nascore.tuner.servicer import Hosted, tuner_handler

TOKEN = "a-token-of-the-tests"
METADATA = (("authorization", f"Bearer {TOKEN}"),)
SPACE = SearchSpace((choice("op", "conv", "pool", "skip"), choice("act", "relu", "gelu")))
GENERATIONS = ("released", "current", "newer")
TUNER = "nascore.v1.TunerService"


class Guessing(Tuner[Settings]):
    name = "guessing"

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.sample(Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


class Foreign:
    """A tuner that knows one generation of the schema and nothing of nascore; a newer one says all that it can."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.keys: list[tuple[str, list[str]]] = []
        self.told: list[Message] = []

    def serve(self) -> Mapping[str, Callable[[Any, Any], Message]]:
        return {name: getattr(self, name.lower()) for name in ("Describe", "Open", "Ask", "Tell", "Close")}

    def describe(self, request: Any, context: object) -> Message:
        able = {"modes": [1], "max_objectives": 1, "determinism": 1, "min_protocol": 1, "max_protocol": 1}
        return self.made("DescribeResponse", name="foreign", version="1", **able)

    def open(self, request: Any, context: object) -> Message:
        self.keys = [(node.label, [each.key for each in node.one_of.candidates]) for node in request.space.nodes]
        return self.made("OpenResponse")

    def ask(self, request: Any, context: object) -> Message:
        self.told.extend(request.outcomes)
        answer: Any = self.made("AskResponse", status=1)
        for number, seed in enumerate(request.seeds, request.first_number):
            random = Random(seed)
            picked = [{"path": label, "candidate": random.choice(keys)} for label, keys in sorted(self.keys)]
            fields = {"number": number, "architecture": {"decisions": picked}, "task": 1}
            answer.proposals.append(self.made("Proposal", **fields))
        return answer

    def tell(self, request: Any, context: object) -> Message:
        self.told.extend(request.outcomes)
        return self.made("TellResponse", told_through=request.outcomes[-1].seq)

    def close(self, request: Any, context: object) -> Message:
        return self.made("CloseResponse")

    def made(self, name: str, /, **fields: Any) -> Message:
        return made(self._schema, name, **fields)


def made(schema: Schema, name: str, /, **fields: Any) -> Message:
    """A message; of the newer schema with what it has more than the others."""
    kind = schema.message(f"nascore.v1.{name}")
    more = {"added_later": "more", "more_added": [0.5]} if "added_later" in kind.DESCRIPTOR.fields_by_name else {}
    return kind(**fields, **more)


@pytest.fixture
def foreign(generations: dict[str, Schema], tmp_path: Path) -> Iterator[Callable[[str], tuple[Foreign, str]]]:
    servers = []

    def start(generation: str) -> tuple[Foreign, str]:
        served = Foreign(generations[generation])
        server = grpc.server(ThreadPoolExecutor(max_workers=1))
        server.add_generic_rpc_handlers((generations[generation].handler(TUNER, served.serve()),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return served, f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_todays_core_searches_with_a_tuner_of_any_generation(foreign: Any, generation: str) -> None:
    served, target = foreign(generation)
    session = RemoteTuner(target)
    try:
        await session.open(Setup(SPACE, (Objective("accuracy"),), 7), {})
        answer = await session.ask(0, [proposal_seed(7, number) for number in range(4)])
        assert [proposal.number for proposal in answer.proposals] == [0, 1, 2, 3]
        assert answer.status is AskStatus.OK
        told = [Told(1, answer.proposals[0], Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))]
        await session.ask(4, [proposal_seed(7, 4)], outcomes=told, told_through=1)
    finally:
        await session.close()
    (learnt,) = served.told
    assert learnt.outcome.metrics[0].value == 0.5


@pytest.fixture
async def todays_tuner() -> Any:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((tuner_handler(Hosted(Guessing)),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.mark.parametrize("server", [*GENERATIONS, "plugin of today"])
@pytest.mark.parametrize("client", GENERATIONS)
async def test_core_of_any_generation_asks_a_tuner_of_any_generation(
    generations: dict[str, Schema], foreign: Any, todays_tuner: str, client: str, server: str
) -> None:
    target = todays_tuner if server == "plugin of today" else foreign(server)[1]
    await asyncio.to_thread(ask, generations[client], target)


def ask(schema: Schema, target: str) -> None:
    with grpc.insecure_channel(target) as channel:

        def call(name: str, /, **fields: Any) -> Any:
            return schema.call(channel, f"{TUNER}/{name}")(made(schema, f"{name}Request", **fields), timeout=20)

        assert call("Describe").max_protocol == 1
        space = schema.message("nascore.v1.SearchSpace").FromString(space_to_message(SPACE).SerializeToString())
        opened = call("Open", session="s", space=space, objectives=[{"metric": "accuracy", "direction": 1}], seed=7)
        assert not opened.cannot_tune
        proposal = call("Ask", session="s", seeds=[1]).proposals[0]
        assert {each.path for each in proposal.architecture.decisions} == {"op", "act"}
        outcome = {"status": 1, "metrics": [{"name": "accuracy", "value": 0.5}]}
        told = {"seq": 1, "proposal": proposal, "outcome": outcome}
        assert call("Ask", session="s", first_number=1, seeds=[2], outcomes=[told], told_through=1).status == 1
        call("Close", session="s")


@pytest.fixture
def todays_server(tmp_path: Path) -> Iterator[str]:
    """The real engine, its log and its server."""
    loop = loop_factory()()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def connected(*_: object) -> LocalSession:
        return LocalSession(Guessing)

    async def opened() -> tuple[Experiments, Server, str]:
        experiments = await Experiments.open(tmp_path / "log.db", holder=Holder(1, "here"), connect=connected)
        server = Server(experiments, address="127.0.0.1:0", token=TOKEN)
        return experiments, server, await server.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    experiments, server, address = run(opened())
    yield address
    run(server.stop(0.2))
    run(experiments.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("client", GENERATIONS)
def test_worker_of_any_generation_gets_through_a_search_on_todays_server(
    generations: dict[str, Schema], todays_server: str, client: str
) -> None:
    schema = generations[client]
    with grpc.insecure_channel(todays_server.removeprefix("grpc://")) as channel:

        def call(path: str, /, **fields: Any) -> Any:
            request = made(schema, f"{path.partition('/')[2]}Request", **fields)
            return schema.call(channel, f"nascore.v1.{path}")(request, timeout=20, metadata=METADATA)

        limits = {"max_trials": 3}
        spec = {"name": "first", "tuner": "guessing", "seed": 7, "limits": limits}
        objectives = [{"metric": "accuracy", "direction": 1}]
        created = call("ExperimentService/CreateExperiment", request_id="c", spec={**spec, "objectives": objectives})
        space = schema.message("nascore.v1.SearchSpace").FromString(space_to_message(SPACE).SerializeToString())
        mine = {"experiment": created.experiment.id, "worker": "w"}
        registered = call("TrialService/RegisterSpace", **mine, space=space)
        assert registered.seed == 7
        answer = call("TrialService/LeaseTrial", **mine, request_id="l", max_wait_s=20)
        for trial in range(3):
            held = {**mine, "trial": answer.lease.trial, "epoch": answer.lease.epoch}
            assert answer.lease.trial == trial
            assert call("TrialService/RenewLease", **held).command == 1
            metrics = [{"name": "accuracy", "value": trial / 4}]
            call("TrialService/ReportMetrics", **held, request_id=f"r{trial}", step=1, metrics=metrics)
            outcome = {"status": 1, "metrics": metrics}
            wish = {"wants_next": True, "next_wait_s": 20, "request_id": f"f{trial}"}
            answer = call("TrialService/FinishTrial", **held, outcome=outcome, **wish).next
        assert answer.end_reason == "trials"
        best = call("ExperimentService/ListBest", experiment=created.experiment.id)
        assert [trial.number for trial in best.trials] == [2]
