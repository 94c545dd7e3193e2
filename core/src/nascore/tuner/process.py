"""A tuner's process: started, greeted, listened to, watched and ended.

The executable serves on the Unix socket in ``NASCORE_TUNER_SOCKET`` (or a loopback port, where it checks
``NASCORE_TUNER_TOKEN``) and prints ``nascore-tuner v1 ADDRESS``. The socket lies in a fresh folder that only this user
can enter.

Not here: what is said over the socket (``remote``), and when to start again (``supervision``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from nascore.errors import PluginError, TunerCrashedError, UnsupportedError
from nascore.secrecy import is_secret
from nascore.tuner import guard
from nascore.tuner.child import Child
from nascore.tuner.family import kill_marked, resident_bytes
from nascore.tuner.folders import PrivateFolder, clear_stale
from nascore.tuner.limits import HostLimits
from nascore.tuner.printed import Printed
from nascore.tuner.servicer import SOCKET_VARIABLE, TOKEN_VARIABLE
from nascore.tuner.session import PROTOCOL_VERSION

_GREETING = re.compile(r"nascore-tuner v(\d+) (\S+)")
_LOCAL_ADDRESS = re.compile(r"unix:/.+|(127\.0\.0\.1|localhost|\[::1\]):\d+")
_SERVER_VARIABLE = "NASCORE_SERVER"  # A tuner has no business with the server's own address.
_SOCKET_NAME = "tuner.sock"
_REAP_S = 2.0
_LAST_WORDS_S = 0.5
_LINE_BYTES = 64 * 1024
_ROUNDS = 5


class TunerProcess:
    """A running tuner; made by `start`.

    Attributes:
        address: Where it serves.
        token: What to send with every call.
    """

    def __init__(self, process: Child, *, name: str, folder: PrivateFolder, token: str) -> None:
        self.address = ""
        self.token = token
        self._process = process
        self._name = name
        self._folder = folder
        self._printed = Printed(name)
        self._readers: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, command: Sequence[str], *, name: str, limits: HostLimits) -> TunerProcess:
        """Start a command without a shell, and wait until it serves.

        Raises:
            PluginError: If it cannot be executed, ends early, or does not greet rightly in time; with its last lines.
            UnsupportedError: If it speaks a newer protocol.
        """
        _check_executable(command[0])
        await asyncio.to_thread(clear_stale)
        folder = PrivateFolder(socket_name=_SOCKET_NAME)
        token = secrets.token_urlsafe(32)
        environment = {
            key: value for key, value in os.environ.items() if key != _SERVER_VARIABLE and not is_secret(key)
        }
        environment |= {SOCKET_VARIABLE: str(folder.socket), TOKEN_VARIABLE: token}
        guarded = (sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command)
        try:
            process = await Child.start(guarded, environment=environment, limit=_LINE_BYTES)
        except BaseException as error:
            folder.clear()
            if isinstance(error, OSError):
                raise PluginError(f"Tuner {name} could not be started: {error.strerror}.", hint=_NO_ROOM) from error
            raise
        tuner = cls(process, name=name, folder=folder, token=token)
        try:
            await tuner._greet(limits.start_timeout_s)
        except BaseException:
            await tuner.stop(grace_s=0)
            raise
        return tuner

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def memory_bytes(self) -> int:
        """Return the resident memory of the process and its children, in bytes; 0 if it has ended."""
        return resident_bytes(self._process.pid) if self.is_running else 0

    def kill(self) -> None:
        """Kill it and its children at once."""
        self._signal(signal.SIGKILL)

    async def stop(self, *, grace_s: float) -> None:
        """Ask it to end, kill it if it does not, and clear away what it leaves; stopping twice is harmless."""
        if grace_s > 0:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
        # Also after it ended by itself: its children may live on in its group.
        self._signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            # A descendant that left the group may hold the pipes open; it is not waited for.
            await asyncio.wait_for(self._process.wait(), _REAP_S)
        await asyncio.to_thread(_kill_descendants, str(self._folder.socket))
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._process.close()
        self._folder.clear()

    async def epitaph(self) -> str:
        """Return how it ended with its last lines, or that it has not."""
        with contextlib.suppress(TimeoutError):
            # The socket closes a moment before the process is gone.
            await asyncio.wait_for(self._process.wait(), _REAP_S)
        if not self.is_running:
            # What it printed last may still be in the pipes, which a child may hold open.
            await asyncio.wait(self._readers, timeout=_LAST_WORDS_S)
        return f"{_ending(self._process.returncode)}{self.last_lines()}"

    def last_lines(self) -> str:
        """Return what it printed last, ready to be appended to a sentence; empty if it printed nothing."""
        return self._printed.last_lines()

    async def _greet(self, timeout_s: float) -> None:
        self._readers.append(asyncio.create_task(self._printed.listen(self._process.stderr)))
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout_s)
        except TimeoutError:
            raise PluginError(
                f"Tuner {self._name} printed no handshake within {timeout_s:g} s.{self.last_lines()}", hint=_HINT
            ) from None
        except ValueError:
            raise PluginError(f"Tuner {self._name} printed an endless line instead of its handshake.") from None
        if not line:
            words = await self.epitaph()
            # Killed from outside it is one of its deaths, and the next one may live; else something is wrong with it.
            kind = TunerCrashedError if (self._process.returncode or 0) < 0 else PluginError
            raise kind(f"Tuner {self._name} ended before its handshake: {words}", hint=_HINT)
        self.address = self._address(line.decode("utf-8", "replace").strip())
        self._readers.append(asyncio.create_task(self._printed.listen(self._process.stdout)))

    def _address(self, line: str) -> str:
        greeting = _GREETING.fullmatch(line)
        if greeting is None:
            raise PluginError(f"Tuner {self._name} printed {line[:200]!r} instead of its handshake.", hint=_HINT)
        version, address = int(greeting[1]), greeting[2]
        if version != PROTOCOL_VERSION:
            raise UnsupportedError(
                f"Tuner {self._name} speaks protocol {version}; this nascore speaks {PROTOCOL_VERSION}.",
                hint="Update whichever of the two is older.",
            )
        if not _LOCAL_ADDRESS.fullmatch(address):
            raise PluginError(
                f"Tuner {self._name} serves on {address!r}, which others may reach.",
                hint=f"Serve on unix:PATH of {SOCKET_VARIABLE}, or on 127.0.0.1:PORT.",
            )
        return address

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


_HINT = f"It must serve on ${SOCKET_VARIABLE} and print 'nascore-tuner v{PROTOCOL_VERSION} ADDRESS'."


_NO_ROOM = "The machine may be out of processes, files or memory (ulimit -u, -n)."


def _kill_descendants(socket: str) -> None:
    """Kill those that left the group, by the socket that each tuner is given for its own; again while there are any."""
    for _ in range(_ROUNDS):
        if not kill_marked(SOCKET_VARIABLE, socket):
            return


def _check_executable(program: str) -> None:
    if shutil.which(program):
        return
    if Path(program).is_dir():
        raise PluginError(f"{program} is a folder, not an executable.")
    if Path(program).is_file():
        remedy = f"Run `chmod +x {program}`, or name its interpreter first."
        raise PluginError(f"{program} is not executable.", hint=remedy)
    raise PluginError(f"{program} was not found.", hint="Give its path, or put its folder on PATH.")


def _ending(status: int | None) -> str:
    if status is None:
        return "it is still running."
    if status >= 0:
        return f"exit status {status}."
    try:
        return f"killed by {signal.Signals(-status).name}."
    except ValueError:
        return f"killed by signal {-status}."
