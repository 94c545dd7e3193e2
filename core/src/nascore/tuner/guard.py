"""``python guard.py PARENT COMMAND ...``: becomes COMMAND, in such a way that it dies with its parent and before it.

The kernel is asked to kill this process when its parent ends (PR_SET_PDEATHSIG), to hand it the orphans among its
descendants, so that they are still found as its own (PR_SET_CHILD_SUBREAPER), and to choose it before the server when
the machine runs out of memory (oom_score_adj). All three outlive the exec; they are Linux's only. It is a script of its
own because the engine is multi-threaded, where no Python code may run between fork and exec; and it imports nothing of
nascore, to start fast.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_OOM_SCORE = 500
CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> int:
    """Become the command; returns an exit status only if that fails."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        kernel = ctypes.CDLL(None, use_errno=True)
        kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        kernel.prctl(_PR_SET_CHILD_SUBREAPER, *map(ctypes.c_ulong, (1, 0, 0, 0)))
        _offer_to_the_kernel()
    if os.getppid() != parent:
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return CANNOT_EXECUTE


def _offer_to_the_kernel() -> None:
    """Be killed before the server when memory runs out; raising one's own score needs no right."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+") as score:  # noqa: PTH123
        if int(score.read()) < _OOM_SCORE:
            score.seek(0)
            score.write(str(_OOM_SCORE))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
