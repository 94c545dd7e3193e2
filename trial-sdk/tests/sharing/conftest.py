"""A server of weights in a thread, and clients of it."""

import asyncio
import threading

import pytest
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore

TOKEN = "a-token-of-the-tests"


class Serving:
    """A server that can be stopped and started again at the same place, with the same store and no tables."""

    def __init__(self, folder):
        self._folder = folder
        self.address = f"unix:{folder}/s"
        self.clients = []
        self.start()

    def start(self):
        self._is_up, self._loop = threading.Event(), None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._is_up.wait(20)

    def stop(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def client(self, **parts):
        self.clients.append(Client(self.address, token=TOKEN, **{"patience_s": 0, "timeout_s": 20, **parts}))
        return self.clients[-1]

    def _run(self):
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        store = DirectoryStore(self._folder / "weights")
        async with serve_weights(store, address=self.address, token=TOKEN, grace_s=0.1):
            self._is_up.set()
            await self._over.wait()
        store.close()


@pytest.fixture
def serving(tmp_path_factory):
    serving = Serving(tmp_path_factory.mktemp("s"))
    yield serving
    for client in serving.clients:
        client.close()
    serving.stop()
