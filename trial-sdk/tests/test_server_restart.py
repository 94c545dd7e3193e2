"""The real `nascore serve`, killed while a worker trains, and taken up again by `nascore resume`."""

import os
import signal
import subprocess
import sys
import time

import pytest
from nascore.client import Client
from nascore.record import TrialState
from nascore.space import Architecture


class Server:
    """`nascore serve` at a socket of its own."""

    def __init__(self, folder, arguments):
        self.folder = folder
        self.address = f"unix:{folder}/s"
        self.begin("serve", "--address", self.address, *arguments)
        until(lambda: list(folder.glob("experiments/*/token")))
        self.token_file = next(iter(folder.glob("experiments/*/token")))

    def begin(self, *arguments):
        environment = os.environ | {"NASCORE_HOME": str(self.folder)}
        self.process = subprocess.Popen([sys.executable, "-m", "nascore", *arguments], env=environment)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def client(self):
        return Client(self.address, token_file=self.token_file)


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def server(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("r")
    space = folder / "space.json"
    serve().work(NASCORE_TASK="space", NASCORE_OUTPUT=str(space), NASCORE_SERVER="")
    server = Server(folder, ["--space", str(space), "--trials", "1", "-q"])
    try:
        with server.client() as client:
            until(client.list)
            client.enqueue("last", [Architecture({"op": "slow"})])
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_trial_outlives_its_server_and_is_told_to_the_next_one_with_its_new_token(serve, server, isolation):
    served = serve()
    with served.holding() as held:
        worker = served.start_worker(
            NASCORE_SERVER=server.address,
            NASCORE_TOKEN_FILE=str(server.token_file.with_name("worker-token")),
            NASCORE_EXPERIMENT=server.token_file.parent.name,
            NASCORE_ISOLATION=isolation,
            EPOCHS="8",
            **held,
        )
        with server.client() as client:
            until(lambda: client.get_trial("last", 0).reports)
        server.kill()
    until(lambda: "its result is kept in" in worker.output())
    server.begin("resume", server.token_file.parent.name, "-q")
    assert worker.wait() == 0, worker.output()
    assert "trial 0 trains on, and what it reports is kept in" in worker.output()
    with server.client() as client:
        record = client.get_trial("last", 0)
    assert (record.state, record.attempt, record.epoch) == (TrialState.SUCCEEDED, 1, 1)
    assert [report.step for report in record.reports] == list(range(1, 9))
