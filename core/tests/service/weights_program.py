"""Serves a store of weights at a socket until it is killed: ``weights_program.py FOLDER SOCKET TOKEN``."""

import asyncio
import os
import sys

from nascore import failpoints
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore


async def serve(folder, socket, token):
    async with serve_weights(DirectoryStore(folder), address=f"unix:{socket}", token=token):
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(*sys.argv[1:]))
