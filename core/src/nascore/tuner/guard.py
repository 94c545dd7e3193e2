"""``python guard.py PARENT COMMAND ...``: becomes COMMAND, in such a way that it dies with its parent.

The kernel is asked to kill this process when its parent ends (PR_SET_PDEATHSIG, Linux only), which outlives the exec.
It is a script of its own because the engine is multi-threaded, where no Python code may run between fork and exec; and
it imports nothing of nascore, to start fast.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> int:
    """Become the command; returns an exit status only if that fails."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
