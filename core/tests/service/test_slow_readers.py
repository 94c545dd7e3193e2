"""A real server with 64 readers who are slow, read nothing, or leave: bounded memory, others served, nothing kept.

Memory and descriptors are those that the system counts; others' calls are counted, not timed.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from nascore.client import Client
from nascore.record import Outcome, OutcomeStatus
from nascore.testing.proxy import Direction, ProxyThread
from nascore.testing.torture.plan import Plan
from nascore.testing.torture.served import ServedSearch
from nascore.v1 import experiment_pb2, trial_pb2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

READERS = 64
TRIALS = 120
METRICS = 900
GROWTH_BYTES = 64 << 20
CALLS = 5
SERVICE = "/nascore.v1.ExperimentService"
# A caller whose gRPC takes nothing that was not asked for.
RELUCTANT = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
Calls = list[Any]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSearch]:
    """A server with an experiment of three megabytes."""
    plan = Plan(kills=0, trials=1, workers=2, tuner="random", lease_s=60.0)
    with ServedSearch(tmp_path_factory.mktemp("slow"), plan) as search, search.admin() as client:
        metrics = {"accuracy": 0.5, **{f"some-metric-{place:08}": place / 7 for place in range(METRICS)}}
        for _ in range(TRIALS):
            lease = client.lease(search.experiment, "w", max_wait_s=20).lease
            assert lease is not None
            outcome = Outcome(OutcomeStatus.COMPLETED, metrics=metrics)
            client.finish(search.experiment, "w", lease.trial, lease.epoch, outcome=outcome)
        assert len(list(client.list_trials(search.experiment))) >= TRIALS
        yield search


@pytest.fixture
def server(search: ServedSearch) -> psutil.Process:
    return psutil.Process(search.pids()[0])


@pytest.fixture
def client(search: ServedSearch) -> Iterator[Client]:
    with search.admin() as client:
        client.get(search.experiment)
        yield client


def wait_until(is_so: Callable[[], bool], patience_s: float = 60.0) -> None:
    for _ in range(int(patience_s * 50)):
        if is_so():
            return
        threading.Event().wait(0.02)
    pytest.fail("it never came to be")


def begun(search: ServedSearch, address: str, stack: ExitStack) -> Calls:
    """Readers, each in a connection of its own: of changes, trials, the best, and a worker's lane."""
    token = (search.folder / "home" / "experiments" / search.experiment / "token").read_text().strip()
    headers = (("authorization", f"Bearer {token}"),)
    name = search.experiment
    wanted = (
        ("WatchExperiment", experiment_pb2.WatchExperimentRequest(experiment=name)),
        ("ListTrials", experiment_pb2.ListTrialsRequest(experiment=name, page_size=1000)),
        ("ListBest", experiment_pb2.ListBestRequest(experiment=name, count=8)),
    )
    calls: Calls = []
    for place in range(READERS):
        channel = stack.enter_context(grpc.insecure_channel(address, options=RELUCTANT))
        if place % 4 == 3:
            request = trial_pb2.WorkRequest(
                lease_trial=trial_pb2.LeaseTrialRequest(
                    experiment=name, worker=f"slow-{place}", request_id=secrets.token_hex(8)
                )
            ).SerializeToString()
            open_end = threading.Event()
            stack.callback(open_end.set)
            call = channel.stream_stream("/nascore.v1.TrialService/Work")(_said(request, open_end), metadata=headers)
        else:
            method, message = wanted[place % 4]
            call = channel.unary_stream(f"{SERVICE}/{method}")(message.SerializeToString(), metadata=headers)
        stack.callback(call.cancel)
        calls.append(call)
    return calls


def _said(request: bytes, open_end: threading.Event) -> Iterator[bytes]:
    yield request
    open_end.wait()


def read(call: Any) -> None:
    try:
        for _ in call:
            pass
    except grpc.RpcError:
        pass


def highest_while_others_work(server: psutil.Process, client: Client, experiment: str) -> int:
    """The server's memory at its highest, while another client's calls are answered one after the other."""
    highest = 0
    for _ in range(CALLS):
        assert client.get(experiment).id == experiment
        assert len(list(client.list_trials(experiment, page_size=1000))) >= TRIALS
        watched = client.watch(experiment)
        assert next(watched).trial is not None
        watched.close()  # type: ignore[attr-defined]  # it is a generator
        lease = client.lease(experiment, "quick", max_wait_s=20).lease
        assert lease is not None
        client.return_lease(experiment, "quick", lease.trial, lease.epoch)
        highest = max(highest, server.memory_info().rss)
    return highest


@pytest.mark.parametrize("kind", ["1 kB/s", "nothing"])
def test_readers_who_are_slow_neither_fill_the_memory_nor_hold_up_others(
    search: ServedSearch, server: psutil.Process, client: Client, kind: str
) -> None:
    highest_while_others_work(server, client, search.experiment)
    memory, descriptors = server.memory_info().rss, server.num_fds()
    with ProxyThread(f"{client.address}") as proxy, ExitStack() as stack:
        if kind == "1 kB/s":
            proxy.throttle(1000, directions=[Direction.TO_CLIENT])
        calls = begun(search, proxy.address, stack)
        readers = [threading.Thread(target=read, args=(call,)) for call in calls if kind == "1 kB/s"]
        for reader in readers:
            reader.start()
        wait_until(lambda: server.num_fds() >= descriptors + READERS)
        highest = highest_while_others_work(server, client, search.experiment)
        assert highest - memory < GROWTH_BYTES, f"{(highest - memory) / 2**20:.0f} MiB more"
        for call in calls:
            call.cancel()
        for reader in readers:
            reader.join()
    wait_until(lambda: server.num_fds() <= descriptors)


def test_callers_who_leave_in_the_middle_of_an_answer_leave_nothing_behind(
    search: ServedSearch, server: psutil.Process, client: Client
) -> None:
    highest_while_others_work(server, client, search.experiment)
    memory, descriptors = server.memory_info().rss, server.num_fds()
    said = Path(search.folder / "server.txt").read_text()
    with ProxyThread(f"{client.address}") as proxy:
        for leave in (lambda call: call.cancel(), lambda call: proxy.reset(), lambda call: proxy.cut()):
            with ExitStack() as stack:
                calls = begun(search, proxy.address, stack)
                wait_until(lambda: server.num_fds() >= descriptors + READERS)
                for call in calls:
                    leave(call)
            proxy.restore()
        wait_until(lambda: server.num_fds() <= descriptors)
    assert highest_while_others_work(server, client, search.experiment) - memory < GROWTH_BYTES
    assert Path(search.folder / "server.txt").read_text() == said
