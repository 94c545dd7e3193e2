"""A worker that does not see the experiment's folder keeps its weights at the server, not in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest
from nascore.client import Client
from nascore.space import Architecture
from nascore.weights import DirectoryStore


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def folder(serve, tmp_path_factory):
    """The folder of an experiment of the real ``nascore serve``, which runs two trials."""
    home = tmp_path_factory.mktemp("r")
    space = home / "space.json"
    serve().work(NASCORE_TASK="space", NASCORE_OUTPUT=str(space), NASCORE_SERVER="")
    words = ["serve", "--address", f"unix:{home}/s", "--space", str(space), "--trials", "4", "-q"]
    process = subprocess.Popen([sys.executable, "-m", "nascore", *words], env=os.environ | {"NASCORE_HOME": str(home)})
    try:
        until(lambda: list(home.glob("experiments/*/worker-token")))
        yield next(iter(home.glob("experiments/*/worker-token"))).parent
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def worker(serve, folder, home, **environ):
    """A worker that does not see the folder, and a client of its server, which has four architectures to try."""
    address = f"unix:{folder.parent.parent}/s"
    with Client(address, token_file=folder / "token") as client:
        until(client.list)
        client.enqueue("last", [Architecture({"op": "good"})] * 4)
        begun = serve().start_worker(
            NASCORE_SERVER=address,
            NASCORE_TOKEN_FILE=str(folder / "worker-token"),
            NASCORE_EXPERIMENT=folder.name,
            NASCORE_FOLDER="",
            NASCORE_HOME=str(home),
            EPOCHS="1",
            **environ,
        )
        yield begun, client


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_weights_of_a_worker_without_the_folder_are_kept_at_the_server(serve, folder, isolation, tmp_path):
    with worker(serve, folder, tmp_path, NASCORE_ISOLATION=isolation) as (begun, client):
        until(lambda: client.get_trial("last", 0).outcome is not None)
        checkpoint = client.get_trial("last", 0).checkpoint
    assert checkpoint, begun.output()
    store = DirectoryStore(folder / "weights")
    manifest = store.manifest(checkpoint)
    assert (manifest.trial, len(manifest.entries)) == (0, 2)
    assert store.verify(checkpoint) == ()
    assert {one.experiment for one in store.checkpoints().checkpoints} == {folder.name}
    store.close()


@pytest.mark.slow
def test_a_server_lets_go_of_what_workers_without_the_folder_do_not_keep(serve, folder, tmp_path):
    with worker(serve, folder, tmp_path, KEEPS="1") as (begun, client):
        until(lambda: client.get_trial("last", 3).outcome is not None)
        made = [client.get_trial("last", number) for number in range(4)]
    assert all(trial.checkpoint for trial in made), begun.output()
    best = max(made, key=lambda trial: trial.outcome.metrics["accuracy"])
    with closing(DirectoryStore(folder / "weights")) as store:
        left = {one.checkpoint for one in store.checkpoints().checkpoints}
        assert made[3].checkpoint in left
        assert len(left) <= 2
        assert max(store.manifest(one).metrics["accuracy"] for one in left) == best.outcome.metrics["accuracy"]
