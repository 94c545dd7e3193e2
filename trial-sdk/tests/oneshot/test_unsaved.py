"""A search whose worker does not see the experiment's folder keeps its network at the server, and says what is lost."""

import asyncio
import threading
from contextlib import closing, contextmanager

import nas_trial as nas
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.record import OutcomeStatus
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore

TOKEN = "a-token-of-the-tests"
UNSAVED = "it is not saved as it goes, because this worker does not see the experiment's folder"


@contextmanager
def weights_of_server(folder):
    started = []
    is_up, is_over = threading.Event(), threading.Event()

    async def serve(store):
        async with serve_weights(store, address="127.0.0.1:0", token=TOKEN, grace_s=0.1) as server:
            started.append(server.address)
            is_up.set()
            await asyncio.to_thread(is_over.wait)

    with closing(DirectoryStore(folder)) as store:
        thread = threading.Thread(target=lambda: asyncio.run(serve(store)))
        thread.start()
        try:
            assert is_up.wait(60)
            with Client(started[0], token=TOKEN) as client:
                yield store, Weights.of(client, experiment="e", is_folder_shared=False)
        finally:
            is_over.set()
            thread.join(60)


def test_a_search_without_a_store_says_that_it_is_not_saved(searching, capsys):
    trial = searching.Parity()
    attempt, _ = searching.searched(trial, searching.Lined(searching.Drawing, trial))
    assert attempt.outcome.status is OutcomeStatus.COMPLETED
    assert attempt.checkpoint == ""
    assert capsys.readouterr().out.count(UNSAVED) == 1


def test_the_supernet_of_a_search_elsewhere_is_kept_at_the_server_and_nothing_else(searching, tmp_path, capsys):
    trial = searching.Parity()
    with weights_of_server(tmp_path) as (store, remote):
        line = searching.Lined(searching.Drawing, trial)
        attempt, _ = searching.searched(trial, line, store=remote, experiment="e")
        assert store.list() == (attempt.checkpoint,)
        assert [one.experiment for one in store.checkpoints().checkpoints] == ["e"]
        nas.load_weights(attempt.checkpoint, store, into=nas.build(trial.build, None))
    assert capsys.readouterr().out.count(UNSAVED) == 1


def test_a_search_in_the_folder_says_nothing_of_it(searching, store, capsys):
    trial = searching.Parity()
    searching.searched(trial, searching.Lined(searching.Drawing, trial), store=store)
    assert UNSAVED not in capsys.readouterr().out
