"""A worker that does not see the experiment's folder keeps its weights at the server, not in a folder of its own."""

import os
import signal
import subprocess
import sys
import time

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
    words = ["serve", "--address", f"unix:{home}/s", "--space", str(space), "--trials", "2", "-q"]
    process = subprocess.Popen([sys.executable, "-m", "nascore", *words], env=os.environ | {"NASCORE_HOME": str(home)})
    try:
        until(lambda: list(home.glob("experiments/*/worker-token")))
        yield next(iter(home.glob("experiments/*/worker-token"))).parent
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_weights_of_a_worker_without_the_folder_are_kept_at_the_server(serve, folder, isolation, tmp_path):
    address = f"unix:{folder.parent.parent}/s"
    with Client(address, token_file=folder / "token") as client:
        until(client.list)
        client.enqueue("last", [Architecture({"op": "good"})] * 2)
        worker = serve().start_worker(
            NASCORE_SERVER=address,
            NASCORE_TOKEN_FILE=str(folder / "worker-token"),
            NASCORE_EXPERIMENT=folder.name,
            NASCORE_FOLDER="",
            NASCORE_HOME=str(tmp_path),
            NASCORE_ISOLATION=isolation,
            EPOCHS="1",
        )
        until(lambda: client.get_trial("last", 0).outcome is not None)
        checkpoint = client.get_trial("last", 0).checkpoint
    assert checkpoint, worker.output()
    store = DirectoryStore(folder / "weights")
    manifest = store.manifest(checkpoint)
    assert (manifest.trial, len(manifest.entries)) == (0, 2)
    assert store.verify(checkpoint) == ()
    assert {one.experiment for one in store.checkpoints().checkpoints} == {folder.name}
    store.close()
