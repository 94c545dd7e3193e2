"""A trial's log file: what it and its libraries write to standard output and error, one header line per attempt."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from nascore.record import Lease

logger = logging.getLogger(__name__)


def log_file(folder: Path | None, trial: int) -> Path | None:
    """Return the path of a trial's log in an experiment's folder."""
    return None if folder is None else folder / "logs" / f"trial-{trial}.log"


def length(log: Path | None) -> int:
    """Return the bytes that a log has; 0 if it is not there yet."""
    return log.stat().st_size if log is not None and log.exists() else 0


@contextmanager
def logged(log: Path | None, lease: Lease) -> Iterator[None]:
    """Send standard output and error to a trial's log, those of native code and of child processes included."""
    if log is None:
        yield
        return
    flush()
    kept = [os.dup(1), os.dup(2)]
    is_redirected = redirect(log, lease)
    try:
        # In a notebook Python's own output does not go to these descriptors.
        with _python_output_to_descriptors() if is_redirected else nullcontext():
            yield
    finally:
        for descriptor, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


@contextmanager
def _python_output_to_descriptors() -> Iterator[None]:
    out = os.fdopen(1, "w", buffering=1, closefd=False)
    try:
        with redirect_stdout(out), redirect_stderr(out):
            yield
    finally:
        with suppress(OSError):
            out.close()


def redirect(log: Path, lease: Lease) -> bool:
    """Append standard output and error to a trial's log from now on, after a header line.

    Returns:
        Whether it could be opened; a trial without a log is better than none.
    """
    try:
        opened = _opened(log)
    except OSError as error:
        logger.warning("Trial %d has no log: %s", lease.trial, error)
        return False
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError):
        os.write(opened, f"--- trial {lease.trial}, attempt {lease.attempt}, {now} ---\n".encode())
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.close(opened)
    return True


def _opened(log: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(log, flags, 0o644)
    except FileNotFoundError:
        log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log, flags, 0o644)


def flush() -> None:
    """Write out what Python holds back of standard output and error; on a full disk it is lost."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            with suppress(OSError):
                stream.flush()
