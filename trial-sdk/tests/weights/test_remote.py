"""A store behind a server is one like any other: what the folder's tests show holds over the network too."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
import torch
from nas_trial.weights import Uploader, inherit, load, save
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.errors import NotFoundError
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore
from torch import nn

TOKEN = "a-token-of-the-tests"


@contextmanager
def serving(store):
    started = []
    is_up, is_over = threading.Event(), threading.Event()

    async def serve():
        async with serve_weights(store, address="127.0.0.1:0", token=TOKEN, grace_s=0.1) as server:
            started.append(server.address)
            is_up.set()
            await asyncio.to_thread(is_over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert is_up.wait(60)
        yield started[0]
    finally:
        is_over.set()
        thread.join(60)


@pytest.mark.parametrize("is_folder_shared", [True, False])
def test_save_load_and_inherit_by_way_of_a_server(tmp_path, is_folder_shared):
    store = DirectoryStore(tmp_path)
    parent = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
    with serving(store) as address, Client(address, token=TOKEN) as client:
        remote = Weights.of(client, experiment="e1", is_folder_shared=is_folder_shared)
        checkpoint = save(parent.state_dict(), remote, trial=1, name="newest")
        same, wide = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)), nn.Sequential(nn.Conv2d(2, 6, 3))
        load(checkpoint, remote, into=same)
        assert all(torch.equal(value, same.state_dict()[key]) for key, value in parent.state_dict().items())
        assert inherit(wide, checkpoint, remote, rules='{"preset": "morph"}').taken["0.weight"] == "repeat"
        assert torch.equal(wide[0].weight[:4], parent[0].weight)
        with Uploader(remote) as uploader:
            uploader.save(wide.state_dict(), trial=2, parents=[checkpoint])
            child = uploader.wait()
        with pytest.raises(NotFoundError):
            load("0" * 32, remote, into=same)
    assert store.manifest(child).parents == (checkpoint,)
    store.close()
