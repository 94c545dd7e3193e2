"""How a trial ends other than well, and the outcome that is recorded of it.

``Infeasible`` and ``Stopped`` are raised on purpose; everything else that a trial raises is classified here, so that
the reason stands on the trial. What kills the process itself is classified by ``nas_trial.isolation.death``.
"""

from __future__ import annotations

import errno
import os
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path, PurePath

import nascore.errors
import torch
from nascore.errors import NascoreError, StateError
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus

MAX_DETAIL = 16 * 2**10
_MAX_MESSAGE = 1000
# What torch says on the CPU, where running out of memory has no exception of its own.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
_MAX_PLACE = 200
_OUR_FOLDERS = (str(Path(__file__).parent) + os.sep, str(Path(nascore.errors.__file__).parent) + os.sep)
_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class Infeasible(NascoreError):
    """Raise it when an architecture cannot or need not be tried: ``raise nas.Infeasible("over 1 M parameters")``."""

    reason = "INFEASIBLE"


class Stopped(StateError):
    """A report was answered with STOP: leave the trial; what was reported so far counts as pruned."""

    reason = "TRIAL_STOPPED"


class NonFiniteError(NascoreError, ArithmeticError):
    """A loss or metric is NaN or infinite; step and value are named."""

    reason = "NON_FINITE"


def outcome_of(error: BaseException, *, metrics: Mapping[str, float]) -> Outcome:
    """Return what is recorded of a trial that raised ``error``, having reported ``metrics`` last."""
    match error:
        case Stopped():
            failure = Failure(FailureKind.STOPPED, error.message)
            return Outcome(OutcomeStatus.PRUNED, metrics=dict(metrics), failure=failure)
        case Infeasible():
            return failed(OutcomeStatus.INFEASIBLE, FailureKind.INFEASIBLE, message=str(error))
        case NonFiniteError():
            return failed(OutcomeStatus.NON_FINITE, FailureKind.NON_FINITE, message=str(error))
        case SystemExit():
            message = f"The trial called sys.exit({error.code!r}).{_place_of(error)}"
            return failed(OutcomeStatus.FAILED, FailureKind.EXIT_CODE, message=message, detail=_trace(error))
        case _:
            kind = FailureKind.OUT_OF_MEMORY if _is_out_of_memory(error) else FailureKind.EXCEPTION
            place = _place_of(error)
            message = f"{type(error).__name__}: {error}".rstrip(": ")[: _MAX_MESSAGE - len(place)] + place
            return failed(OutcomeStatus.FAILED, kind, message=message, detail=_trace(error))


def failed(status: OutcomeStatus, kind: FailureKind, *, message: str, detail: str = "") -> Outcome:
    """Return an outcome without metrics, its texts cut to what may be sent."""
    return Outcome(status, failure=Failure(kind, _sendable(message)[:_MAX_MESSAGE], tail(detail)))


def tail(text: str) -> str:
    """Return the last 16 KiB of a text, in whole characters."""
    return _sendable(text).encode()[-MAX_DETAIL:].decode(errors="ignore")


def _sendable(text: str) -> str:
    """Replaces lone surrogates, which an exception's text may hold but no message can."""
    return text.encode(errors="replace").decode()


def _place_of(error: BaseException) -> str:
    """Returns where in the user's code it was raised, or what raised it was called: `` (net.py:12 in forward)``."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    theirs = [frame for frame in frames if not _is_library(frame.filename)] or frames
    if not theirs:
        return ""
    return f" ({PurePath(theirs[-1].filename).name}:{theirs[-1].lineno} in {theirs[-1].name})"[:_MAX_PLACE]


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OUR_FOLDERS)


def _is_library(filename: str) -> bool:
    return filename.startswith(_LIBRARIES) or filename.startswith("<frozen ")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _is_out_of_memory(error: BaseException) -> bool:
    # By name as well, for other libraries than torch have one.
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
