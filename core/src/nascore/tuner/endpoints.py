"""Where a tuner comes from: an installed plugin, a program, or a server elsewhere.

An endpoint makes connections; a connection is a remote tuner and, where we started it, its process.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol

import grpc

from nascore.tuner.limits import HostLimits
from nascore.tuner.process import TunerProcess
from nascore.tuner.remote import RemoteTuner


@dataclass(frozen=True, slots=True)
class Connection:
    """A live tuner.

    Attributes:
        tuner: What to call.
        process: Its process; ``None`` if it runs elsewhere.
    """

    tuner: RemoteTuner
    process: TunerProcess | None

    async def end(self, *, grace_s: float) -> None:
        """Drop the connection and end the process; with a grace of 0 at once."""
        if self.process is not None and grace_s == 0:
            # Before anything is awaited, so that a cancelled caller leaves no process behind.
            self.process.kill()
        await self.tuner.disconnect()
        if self.process is not None:
            await self.process.stop(grace_s=grace_s)


class Endpoint(Protocol):
    """Makes connections to one tuner, time and again."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def connect(self, limits: HostLimits) -> Connection:
        """Make a fresh connection; start the process if it is ours."""


@dataclass(frozen=True, slots=True)
class ProgramEndpoint:
    """A program of this machine, in a process of its own.

    Attributes:
        name: What people call it.
        command: The program and its arguments; no shell looks at them.
    """

    name: str
    command: tuple[str, ...]

    async def connect(self, limits: HostLimits) -> Connection:
        """Start the program and greet it; errors as in `TunerProcess.start`."""
        process = await TunerProcess.start(self.command, name=self.name, limits=limits)
        return Connection(RemoteTuner(process.address, token=process.token, limits=limits), process)


@dataclass(frozen=True, slots=True)
class ServerEndpoint:
    """A server that somebody else runs.

    Attributes:
        name: What people call it.
        target: Host and port.
        credentials: TLS; ``None`` for none.
    """

    name: str
    target: str
    credentials: grpc.ChannelCredentials | None = None

    async def connect(self, limits: HostLimits) -> Connection:
        """Return a connection; that nobody answers shows with the first call."""
        return Connection(RemoteTuner(self.target, limits=limits, credentials=self.credentials), None)


def plugin_endpoint(name: str) -> ProgramEndpoint:
    """Return the endpoint of an installed tuner: this Python with the tuner host."""
    # -P: a file of the working folder named like a module of Python must not be imported in its place.
    return ProgramEndpoint(name, (sys.executable, "-P", "-m", "nascore.tuner.host", name))
