"""Client, server and the real engine over real sockets, with a tuner of six lines.

Run as a script it is that server (``test_end_to_end.py DATABASE ADDRESS``), so that a test can kill it.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from nascore.client import Client
from nascore.errors import (
    ArchitectureError,
    ConflictError,
    InvalidInputError,
    LeaseSupersededError,
    MetricError,
    NascoreError,
    NotFoundError,
    SpaceError,
    UnavailableError,
)
from nascore.eventloop import loop_factory
from nascore.experiment import Experiments
from nascore.journal import Holder
from nascore.record import (
    Asked,
    Command,
    EndReason,
    ExperimentAction,
    ExperimentRecord,
    ExperimentSpec,
    ExperimentState,
    FailureKind,
    Lease,
    LeaseStatus,
    Limits,
    Outcome,
    OutcomeStatus,
    Proposal,
    Told,
    TrialState,
    Verdict,
)
from nascore.service import Server
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.testing import choice
from nascore.tuner.contract import NoProposal, Settings, Tuner
from nascore.tuner.local import LocalSession
from nascore.v1 import trial_pb2, tuner_pb2

TOKEN = "a-token-of-the-tests"
SPACE = SearchSpace((choice("op", "conv", "pool", "skip"), choice("act", "relu", "gelu")))


class Guessing(Tuner[Settings]):
    name = "guessing"

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


async def session(
    name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
) -> LocalSession:
    if name != "guessing":
        raise NotFoundError(f"tuner: there is no {name!r}.", hint="There is guessing.")
    return LocalSession(Guessing)


async def opened(database: Path, address: str) -> tuple[Experiments, Server, str]:
    holder = Holder(os.getpid(), socket.gethostname(), address, "", 0.0)
    experiments = await Experiments.open(database, holder=holder, connect=session)
    server = Server(experiments, address=address, token=TOKEN)
    return experiments, server, await server.start()


@pytest.fixture(params=["unix:", "127.0.0.1:0"])
def client(loop: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    experiments, server, address = loop.run(opened(tmp_path / "log.db", request.param))
    with Client(address, token=TOKEN, timeout_s=20, patience_s=0) as client:
        yield client
    loop.run(server.stop(1))
    loop.run(experiments.close())


def begun(client: Client, **limits: Any) -> ExperimentRecord:
    record = client.create(ExperimentSpec("guessing", limits=Limits(**limits), seed=7, name="first"))
    client.register_space(record.id, "worker-0", SPACE)
    return record


def leased(client: Client, experiment: str, worker: str = "worker-0") -> Lease:
    answer = client.lease(experiment, worker, max_wait_s=20)
    assert answer.status is LeaseStatus.GRANTED
    assert answer.lease is not None
    return answer.lease


def completed(value: float) -> Outcome:
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": value})


def test_search_runs_from_creation_to_its_end(client: Client) -> None:
    record = begun(client, max_trials=4)
    lease: Lease | None = leased(client, record.id)
    trials = 0
    while lease is not None:
        trials += 1
        assert client.renew(record.id, "worker-0", lease.trial, lease.epoch).command is Command.CONTINUE
        verdict = client.report(
            record.id, "worker-0", lease.trial, lease.epoch, step=1, metrics={"accuracy": lease.trial / 10}
        )
        assert verdict is Verdict.CONTINUE
        answer = client.finish(
            record.id,
            "worker-0",
            lease.trial,
            lease.epoch,
            outcome=completed(lease.trial / 10),
            checkpoint=f"c{lease.trial}",
            wants_next=True,
            next_wait_s=20,
        )
        assert answer is not None
        lease = answer.lease
    assert trials == 4
    assert (answer.status, answer.end_reason) == (LeaseStatus.ENDED, EndReason.TRIALS)
    assert client.get("first").state is ExperimentState.FINISHED
    assert [trial.number for trial in client.list_trials(record.id, page_size=3)] == [0, 1, 2, 3]
    (best,) = client.best(record.id)
    assert (best.number, best.checkpoint, best.reports[0].metrics) == (3, "c3", {"accuracy": 0.3})
    assert list(client.list_trials(record.id, states=(TrialState.FAILED,))) == []


def test_same_request_gets_the_same_answer(client: Client) -> None:
    spec = ExperimentSpec("guessing", space=SPACE)
    record = client.create(spec, request_id="create-1")
    assert client.create(spec, request_id="create-1").id == record.id
    assert len(client.list()) == 1
    first = client.lease(record.id, "w", max_wait_s=20, request_id="lease-1")
    assert client.lease(record.id, "w", max_wait_s=20, request_id="lease-1") == first
    assert first.lease is not None
    place = (record.id, "w", first.lease.trial, first.lease.epoch)
    following = client.finish(*place, outcome=completed(1), wants_next=True, next_wait_s=20, request_id="finish-1")
    again = client.finish(*place, outcome=completed(1), wants_next=True, next_wait_s=20, request_id="finish-1")
    assert following == again
    assert following is not None
    assert client.enqueue(record.id, [SPACE.default()], request_id="queue-1") == client.enqueue(
        record.id, [SPACE.default()], request_id="queue-1"
    )


def test_different_result_for_a_finished_trial_is_refused(client: Client) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=completed(0.5))
    with pytest.raises(ConflictError):
        client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=completed(0.9))
    outcome = client.get_trial(record.id, lease.trial).outcome
    assert outcome is not None
    assert outcome.metrics == {"accuracy": 0.5}


def test_late_word_of_a_superseded_worker_is_refused(client: Client) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    client.return_lease(record.id, "worker-0", lease.trial, lease.epoch)
    other = leased(client, record.id, "worker-1")
    assert (other.trial, other.epoch > lease.epoch) == (lease.trial, True)
    with pytest.raises(LeaseSupersededError, match="worker-1"):
        client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=completed(0.1))


def test_other_space_is_refused_with_the_difference(client: Client) -> None:
    record = begun(client)
    with pytest.raises(SpaceError, match=r"gelu|act"):
        client.register_space(record.id, "worker-1", SearchSpace((SPACE.nodes[0],)))


def test_unknown_experiment_is_answered_with_the_nearest(client: Client) -> None:
    begun(client)
    with pytest.raises(NotFoundError, match="first"):
        client.get("frist")
    with pytest.raises(NotFoundError, match="77"):
        client.get_trial("last", 77)


def test_unknown_tuner_is_refused(client: Client) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        client.create(ExperimentSpec("nobody", space=SPACE))
    with pytest.raises(InvalidInputError, match="is not a name"):
        client.create(ExperimentSpec("exec:sh", space=SPACE))


def test_architecture_of_another_space_is_refused(client: Client) -> None:
    record = begun(client)
    other = SearchSpace((OneOf("op", (Candidate("lstm"),)),))
    with pytest.raises(ArchitectureError, match=r"lstm|act"):
        client.enqueue(record.id, [other.default()])


def test_enqueued_architecture_comes_first(client: Client) -> None:
    record = begun(client)
    chosen = SPACE.architecture({"op": "skip", "act": "gelu"})
    (number,) = client.enqueue(record.id, [chosen])
    seen = {lease.trial: lease.proposal.architecture for lease in (leased(client, record.id) for _ in range(3))}
    assert seen[number] == chosen
    assert client.get_trial(record.id, number).is_enqueued


def test_pause_holds_leases_back_and_stop_ends_them(client: Client) -> None:
    record = begun(client)
    assert client.update(record.id, action=ExperimentAction.PAUSE).state is ExperimentState.PAUSED
    assert client.lease(record.id, "worker-0").status is LeaseStatus.NONE_YET
    changed = client.update(record.id, action=ExperimentAction.RESUME, limits=Limits(max_trials=99))
    assert (changed.state, changed.spec.limits.max_trials) == (ExperimentState.RUNNING, 99)
    client.update(record.id, action=ExperimentAction.STOP)
    assert client.lease(record.id, "worker-0", max_wait_s=20).end_reason is EndReason.STOPPED
    client.delete(record.id)
    assert client.list() == ()


def test_watch_tells_each_change_and_goes_on_from_a_position(client: Client) -> None:
    record = begun(client, max_trials=3)
    told: list[int] = []
    states: list[tuple[int, TrialState]] = []

    def follow() -> None:
        for change in client.watch(record.id):
            told.append(change.seq)
            if change.trial is not None:
                states.append((change.trial.number, change.trial.state))
            if change.experiment is not None and change.experiment.state is ExperimentState.FINISHED:
                return

    watcher = threading.Thread(target=follow)
    watcher.start()
    for _ in range(3):
        lease = leased(client, record.id)
        client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=completed(0.5))
    watcher.join(60)
    assert not watcher.is_alive()
    assert told == sorted(told)
    assert {(number, TrialState.SUCCEEDED) for number in range(3)} <= set(states)
    middle = told[len(told) // 2]
    assert next(client.watch(record.id, after_seq=middle)).seq > middle


def test_waiting_worker_is_told_of_the_end(client: Client) -> None:
    record = begun(client, max_parallel=1)
    leased(client, record.id)
    stopping = threading.Timer(0.1, client.update, (record.id,), {"action": ExperimentAction.STOP})
    stopping.start()
    assert client.lease(record.id, "worker-1", max_wait_s=30).status is LeaseStatus.ENDED
    stopping.join()


def test_draining_server_answers_those_who_wait(loop: Any, tmp_path: Path) -> None:
    experiments, server, address = loop.run(opened(tmp_path / "log.db", "unix:"))
    with Client(address, token=TOKEN, patience_s=0) as client:
        record = begun(client, max_parallel=1)
        leased(client, record.id)
        waiters = experiments.get(record.id)._leasing._waiters
        stopping = threading.Thread(target=lambda: (until(lambda: len(waiters) == 1), loop.run(server.stop(20))))
        stopping.start()
        with pytest.raises(UnavailableError, match="shutting down"):
            client.lease(record.id, "worker-1", max_wait_s=30)
        stopping.join()
    loop.run(experiments.close())


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, for a minute at most."""
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)


async def ask_and_leave(address: str, experiment: str, *, count: int, leaving: int) -> list[grpc.StatusCode]:
    """Wait for a trial so many times at once; some hang up. Returns what the others were answered."""

    async def ask(channel: grpc.aio.Channel, number: int) -> grpc.StatusCode:
        request = trial_pb2.LeaseTrialRequest(
            experiment=experiment, worker=f"w{number}", request_id=f"r{number}", max_wait_s=60
        )
        metadata = (("authorization", f"Bearer {TOKEN}"),)
        call = channel.unary_unary("/nascore.v1.TrialService/LeaseTrial")(
            request.SerializeToString(), metadata=metadata
        )
        if number < leaving:
            await asyncio.sleep(0.5)
            call.cancel()
        return await call.code()

    async with grpc.aio.insecure_channel(address) as channel:
        return (await asyncio.gather(*(ask(channel, number) for number in range(count))))[leaving:]


def test_hundreds_who_wait_are_answered_at_once_when_the_server_stops(loop: Any, tmp_path: Path) -> None:
    experiments, server, address = loop.run(opened(tmp_path / "log.db", "unix:"))
    with Client(address, token=TOKEN, patience_s=0) as client:
        record = begun(client, max_parallel=1)
        leased(client, record.id)
        waiting = asyncio.run_coroutine_threadsafe(
            ask_and_leave(address, record.id, count=500, leaving=100), loop._loop
        )
        waiters = experiments.get(record.id)._leasing._waiters
        until(lambda: len(waiters) == 400)
        loop.run(server.stop(20))
        codes = waiting.result(60)
    assert codes == [grpc.StatusCode.UNAVAILABLE] * 400
    assert len(waiters) == 0
    loop.run(experiments.close())


def launched(database: Path, address: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-W", "ignore", __file__, str(database), address])


def test_client_goes_on_with_a_killed_and_restarted_server(tmp_path: Path, short_path: Path) -> None:
    address = f"unix:{short_path}"
    server = launched(tmp_path / "log.db", address)
    errors: list[NascoreError] = []
    halfway = threading.Event()
    with Client(address, token=TOKEN, timeout_s=20, patience_s=60) as client:
        try:
            client.wait_until_serving(60)
            record = begun(client, max_trials=60)
            seqs: list[int] = []

            def work() -> None:
                try:
                    lease = leased(client, record.id)
                    while lease is not None:
                        answer = client.finish(
                            record.id,
                            "worker-0",
                            lease.trial,
                            lease.epoch,
                            outcome=completed(0.5),
                            wants_next=True,
                            next_wait_s=20,
                        )
                        if lease.trial == 20:
                            halfway.set()
                        lease = answer.lease if answer is not None else None  # type: ignore[assignment]
                except NascoreError as error:
                    errors.append(error)
                    halfway.set()

            def follow() -> None:
                for change in client.watch(record.id):
                    seqs.append(change.seq)
                    if change.experiment is not None and change.experiment.state is ExperimentState.FINISHED:
                        return

            threads = [threading.Thread(target=work), threading.Thread(target=follow)]
            for thread in threads:
                thread.start()
            assert halfway.wait(60)
            server.send_signal(signal.SIGKILL)
            server.wait()
            server = launched(tmp_path / "log.db", address)
            for thread in threads:
                thread.join(60)
            assert errors == []
            assert seqs == sorted(seqs)
            ended = client.get(record.id)
            assert ended.end_reason is EndReason.TRIALS
            assert ended.counts[TrialState.SUCCEEDED] == 60
        finally:
            server.kill()
            server.wait()


async def main(database: str, address: str) -> None:
    kept = await opened(Path(database), address)
    await asyncio.Event().wait()
    del kept


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main(*sys.argv[1:]))


NO_NUMBERS = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("way", ["call", "stream"])
def test_objective_that_is_no_number_ends_the_trial_as_non_finite(client: Client, value: float, way: str) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    metrics = [tuner_pb2.Metric(name="accuracy", value=value), tuner_pb2.Metric(name="loss", value=1.0)]
    outcome = tuner_pb2.Outcome(status=tuner_pb2.OUTCOME_STATUS_COMPLETED, metrics=metrics)
    request = trial_pb2.FinishTrialRequest(
        experiment=record.id, worker="worker-0", trial=lease.trial, epoch=lease.epoch, request_id="f", outcome=outcome
    )
    method = "/nascore.v1.TrialService/FinishTrial"
    connection = client._connection
    if way == "call":
        connection._unary(method)(request.SerializeToString(), timeout=20, metadata=connection.headers)
    else:
        assert connection._lane.exchange(method, request, timeout_s=20) is not None
    trial = client.get_trial(record.id, lease.trial)
    assert trial.state is TrialState.FAILED
    assert trial.outcome is not None
    assert (trial.outcome.status, trial.outcome.metrics) == (OutcomeStatus.NON_FINITE, {})
    assert trial.outcome.failure is not None
    assert trial.outcome.failure.kind is FailureKind.NON_FINITE
    assert f"accuracy is {value}" in trial.outcome.failure.message
    assert client.best(record.id, 5) == ()


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_metric_that_is_no_objective_and_no_number_is_left_out(client: Client, value: float) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5, "perplexity": value})
    client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=outcome)
    trial = client.get_trial(record.id, lease.trial)
    assert trial.outcome is not None
    assert (trial.outcome.status, trial.outcome.metrics) == (OutcomeStatus.COMPLETED, {"accuracy": 0.5})


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_report_that_is_no_number_is_refused_and_the_trial_goes_on(client: Client, value: float) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    with pytest.raises(MetricError, match="the metric accuracy is") as refused:
        client.report(record.id, "worker-0", lease.trial, lease.epoch, step=1, metrics={"accuracy": value})
    assert "end such a trial with the status NON_FINITE" in refused.value.hint
    client.finish(record.id, "worker-0", lease.trial, lease.epoch, outcome=Outcome(OutcomeStatus.NON_FINITE))
    trial = client.get_trial(record.id, lease.trial)
    assert trial.outcome is not None
    assert trial.outcome.status is OutcomeStatus.NON_FINITE
    assert trial.reports == ()


def test_stream_and_calls_give_the_same_answers(client: Client) -> None:
    record = begun(client)
    lease = leased(client, record.id)
    called = f"{trial_pb2.DESCRIPTOR.package}.TrialService"
    renewal = trial_pb2.RenewLeaseRequest(experiment=record.id, worker="worker-0", trial=lease.trial, epoch=lease.epoch)
    wrong = trial_pb2.RenewLeaseRequest(experiment=record.id, worker="other", trial=lease.trial, epoch=lease.epoch)
    connection = client._connection
    answers = [
        connection._lane.exchange(f"/{called}/RenewLease", renewal, timeout_s=20),
        connection._unary(f"/{called}/RenewLease")(
            renewal.SerializeToString(), timeout=20, metadata=connection.headers
        ),
    ]
    assert isinstance(answers[0], trial_pb2.RenewLeaseResponse)
    assert answers[0].SerializeToString() == answers[1]
    with pytest.raises(LeaseSupersededError, match="'other' does not hold it"):
        connection._lane.exchange(f"/{called}/RenewLease", wrong, timeout_s=20)
    assert connection._lane._stream._answers is not None, "an error ended the stream"
    assert connection._lane.exchange(f"/{called}/RenewLease", renewal, timeout_s=20) == answers[0]


def test_idle_streams_do_not_hold_up_a_server_that_stops(loop: Any, tmp_path: Path) -> None:
    experiments, server, address = loop.run(opened(tmp_path / "log.db", "unix:"))
    with Client(address, token=TOKEN, timeout_s=20, patience_s=0) as client:
        record = begun(client)
        leased(client, record.id)
        assert client._connection._lane._stream._answers is not None
        loop.run(server.stop(600), timeout_s=60)
        with pytest.raises(UnavailableError):
            client.renew(record.id, "worker-0", 0, 1)
    loop.run(experiments.close())
