"""A child process on an event loop: started without a fork, its output as streams, its end awaited.

``loop.create_subprocess_exec`` of uvloop forks and runs Python in the child before it executes the program, with
whatever handlers others have registered for forks (gRPC's among them); in a process with threads that crashes the child
now and then. ``subprocess`` of CPython uses vfork and runs nothing but system calls there.

Not here: what the program is and when it is ended (``nascore.tuner.process``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Self, cast


class Child:
    """A running program; made by `start`. Belongs to one event loop.

    Attributes:
        pid: Its process id, and that of its group.
        stdout: What it prints.
        stderr: What it prints as errors.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, limit: int) -> None:
        self.pid = process.pid
        self.stdout = asyncio.StreamReader(limit)
        self.stderr = asyncio.StreamReader(limit)
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._pipes: list[asyncio.BaseTransport] = []

    @classmethod
    async def start(cls, command: Sequence[str], *, environment: Mapping[str, str], limit: int) -> Self:
        """Start a program in a session of its own, without input.

        The loop's own thread starts it, for a program that asks the kernel to die with its parent dies with the thread
        that started it.

        Args:
            command: The program and its arguments; no shell is asked.
            environment: Its whole environment.
            limit: Longest line that `stdout` and `stderr` give at once, bytes.

        Raises:
            OSError: It cannot be started.
        """
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        child = cls(process, limit=limit)
        child._look_out()
        try:
            await child._read(child.stdout, process.stdout)
            await child._read(child.stderr, process.stderr)
        except BaseException:
            process.kill()
            child.close()
            raise
        return child

    @property
    def returncode(self) -> int | None:
        """How it ended: its exit status, or a signal's number below zero; ``None`` while it runs."""
        return self._process.poll()

    async def wait(self) -> None:
        """Wait until it has ended."""
        await asyncio.shield(self._ended)

    def close(self) -> None:
        """Read no more of what it prints; a descendant of it may hold the pipes open for ever."""
        for pipe in self._pipes:
            pipe.close()

    async def _read(self, reader: asyncio.StreamReader, pipe: IO[bytes] | None) -> None:
        transport, _ = await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), cast("IO[bytes]", pipe)
        )
        self._pipes.append(transport)

    def _look_out(self) -> None:
        """Have the end noticed: by a descriptor of the process, which needs no thread, where the system has them."""
        if sys.platform == "linux" and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # a sandbox that forbids it
                descriptor = os.pidfd_open(self.pid)
                self._loop.add_reader(descriptor, self._take_leave, descriptor)
                return
        threading.Thread(target=self._wait_in_thread, name=f"child-{self.pid}", daemon=True).start()

    def _take_leave(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self._process.wait()
        self._end()

    def _wait_in_thread(self) -> None:
        self._process.wait()
        # The loop may be gone by then, and nobody waits any more.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
