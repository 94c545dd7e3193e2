"""The keeper of one local worker: a tiny process between launcher and worker that lets no descendant be left over.

Run as a script (``python -I -S keeper.py LAUNCHER_PID COMMAND ...``), never imported by the launcher. It starts the
worker in a process group of its own, and then

* ends the worker's whole group when the launcher is gone, which it sees by the end of its standard input (a pipe whose
  other end only the launcher holds) and by its own parent;
* passes SIGTERM, SIGINT and SIGHUP on to the group;
* ends what is left of the group when the worker has ended, before its id can be used again, and then ends as it did:
  with the same exit code, or by the same signal.

Why not in the launcher: PR_SET_PDEATHSIG fires when the *thread* that forked ends, reaches only the child and not its
children, and code between fork and exec is not safe in a process with threads. The keeper has one thread, so it may set
it for the worker, against its own death. Only the standard library, and little of it: it starts in about 10 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_LOOK_S = 1.0
_NOT_STARTED = 127
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: list[str]) -> NoReturn:
    """Keep the worker that ``arguments`` name until it ends."""
    launcher, command = int(arguments[0]), arguments[1:]
    wake = _woken_by_children()
    # A signal that comes before the worker has its group would be lost, or end only the keeper.
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    worker = os.fork()
    if worker == 0:
        _become(command)
    _lead_group(worker)
    for number in _FORWARDED:
        signal.signal(number, lambda received, _: _signal_group(worker, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    while not _has_ended(worker):
        ready, _, _ = select.select([0, wake], [], [], _LOOK_S)
        if wake in ready:
            os.read(wake, 4096)
        if os.getppid() != launcher or (0 in ready and not os.read(0, 4096)):
            _signal_group(worker, signal.SIGKILL)
            break
    # Not reaped yet, so the id of the group is still its own.
    _signal_group(worker, signal.SIGKILL)
    _end_like(os.waitpid(worker, 0)[1])


def _woken_by_children() -> int:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _become(command: list[str]) -> NoReturn:
    keeper = os.getppid()
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _lead_group(0)
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != keeper:
                os._exit(_NOT_STARTED)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    except OSError as error:
        os.write(2, f"{command[0]}: cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _lead_group(process: int) -> None:
    # Said by both sides, so that it holds for whoever goes on first; too late after the worker's exec, and done then.
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpgid(process, process)


def _has_ended(worker: int) -> bool:
    return os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(worker: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, number)


def _end_like(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1:])
