"""What is recorded of a trial whose process ended without a result: its signal or its exit code, and its last words."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from nascore.record import FailureKind, OutcomeStatus

from nas_trial.attempt import Attempt
from nas_trial.failures import MAX_DETAIL, failed


def attempt_of_death(status: int, *, log: Path | None, begun_at: int, ran_out_of_memory: bool = False) -> Attempt:
    """Return the failed attempt of a process.

    Args:
        status: As ``os.waitpid`` gave it.
        log: The trial's log, whose end becomes the detail.
        begun_at: Length of the log when the attempt began.
        ran_out_of_memory: Whether the kernel has killed for want of memory meanwhile.
    """
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and ran_out_of_memory:
        kind, message = FailureKind.OUT_OF_MEMORY, "The kernel ended the trial's process by SIGKILL: out of memory."
    elif os.WIFSIGNALED(status):
        kind, message = FailureKind.SIGNAL, _by_signal(os.WTERMSIG(status))
    else:
        code = os.waitstatus_to_exitcode(status)
        kind, message = FailureKind.EXIT_CODE, f"The trial's process exited with code {code} before it had a result."
    return Attempt(failed(OutcomeStatus.FAILED, kind, message=message, detail=_last_words(log, begun_at)))


def attempt_without_template() -> Attempt:
    """Return the failed attempt of a process that died because the one it was forked from did."""
    message = "The worker's template process was killed, and the trial with it."
    return Attempt(failed(OutcomeStatus.FAILED, FailureKind.LOST, message=message), is_retryable=True)


def _by_signal(number: int) -> str:
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    known = {
        signal.SIGKILL: "the kernel says nothing of memory",
        signal.SIGSEGV: "a fault in native code",
    }
    reason = known.get(number)  # type: ignore[call-overload]  # Signals are integers
    return f"The trial's process was ended by {name}" + (f": {reason}." if reason else ".")


def _last_words(log: Path | None, begun_at: int) -> str:
    try:
        if log is None:
            return ""
        with log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            # A trial may have replaced its log by a shorter one.
            file.seek(max(begun_at if begun_at <= size else 0, size - MAX_DETAIL))
            return file.read(MAX_DETAIL).decode(errors="replace")
    except OSError:
        return ""
