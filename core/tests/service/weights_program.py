"""Serves stores of weights at sockets, one after another, each until it is killed: ``weights_program.py DESCRIPTOR``.

Everything is imported once, for that takes longer than most servers live here; each server is a process of its own,
forked from this one, which never begins gRPC or a thread itself. `WeightServers` of ``conftest.py`` gives the orders.
"""

import asyncio
import gc
import json
import os
import socket
import sys
import threading

from nascore import failpoints
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore

MOST_BYTES = 65_536


async def serve(orders, folder, address, token):
    async with serve_weights(DirectoryStore(folder), address=address, token=token):
        orders.send(f"serving {os.getpid()}".encode())
        await asyncio.Event().wait()


def live(orders, order):
    failpoints.arm(order["failpoint"])
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(orders, order["folder"], order["address"], order["token"]))


def main(orders):
    loop_factory()
    gc.collect()
    gc.freeze()  # Collections in servers would copy every page that the fork shares.
    while order := orders.recv(MOST_BYTES):
        assert threading.active_count() == 1
        if not (pid := os.fork()):
            try:
                live(orders, json.loads(order))
            finally:
                os._exit(1)
        orders.send(f"over {os.waitpid(pid, 0)[1]}".encode())


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
