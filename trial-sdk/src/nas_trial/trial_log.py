"""Logs of trials: what they and their libraries write to standard output and error, one header line per attempt.

A trial in a process of its own has a file of its own, ``trial-7.log``. Trials that share a worker's process share the
worker's file, ``trials-worker-0.log``: making a file costs more than a trial that is looked up in a table. On a machine
without the experiment's folder there is no file: what trials write is the worker's output, with the same header lines.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from urllib.parse import quote

from nascore.record import Lease

logger = logging.getLogger(__name__)


def log_file(folder: Path | None, trial: int) -> Path | None:
    """Return the path of a trial's log in an experiment's folder."""
    return None if folder is None else folder / "logs" / f"trial-{trial}.log"


def shared_log_file(folder: Path | None, worker: str) -> Path | None:
    """Return the path of the log of all trials that run in a worker's own process."""
    # A worker's name may be any text; those that nascore gives stay as they are.
    return None if folder is None else folder / "logs" / f"trials-{quote(worker, safe='')[:200]}.log"


def length(log: Path | None) -> int:
    """Return the bytes that a log has; 0 if it is not there yet."""
    return log.stat().st_size if log is not None and log.exists() else 0


@contextmanager
def logged(log: Path | None, lease: Lease) -> Iterator[None]:
    """Send standard output and error to a trial's log, those of native code and of child processes included.

    Without a log they stay the worker's, and a header line there names the trial.
    """
    if log is None:
        flush()
        begin_section(lease)
        try:
            yield
        finally:
            flush()
        return
    # In a notebook Python's own output does not go to these descriptors.
    with _kept_output(), _python_output_to_descriptors() if redirect(log, lease) else nullcontext():
        yield


class SharedLog:
    """One log for all trials of a process; a header line begins each trial's section.

    Args:
        path: The file; ``None`` leaves the output where it is.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._is_open = False

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Send standard output and error to the file."""
        with _kept_output():
            self._open()
            with _python_output_to_descriptors() if self._is_open else nullcontext():
                yield

    @contextmanager
    def section(self, lease: Lease) -> Iterator[None]:
        """Keep what a trial writes under its header."""
        if self._is_open:
            if not _is_written_to_a_file():  # A trial has deleted the file, or closed its output.
                self._open()
            begin_section(lease)
        try:
            yield
        finally:
            flush()

    def _open(self) -> None:
        found = None if self._path is None else _opened_or_none(self._path, "What trials print is not kept")
        self._is_open = found is not None
        if found is not None:
            _send_output_to(found)


@contextmanager
def _kept_output() -> Iterator[None]:
    """Gives standard output and error back as they were."""
    flush()
    kept = [os.dup(1), os.dup(2)]
    try:
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
    opened = _opened_or_none(log, f"Trial {lease.trial} has no log")
    if opened is None:
        return False
    _send_output_to(opened)
    begin_section(lease)
    return True


def begin_section(lease: Lease) -> None:
    """Write the header line of an attempt to standard output, wherever that goes."""
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError):
        os.write(1, f"--- trial {lease.trial}, attempt {lease.attempt}, {now} ---\n".encode())


def _is_written_to_a_file() -> bool:
    try:
        return os.fstat(1).st_nlink > 0
    except OSError:
        return False


def _send_output_to(opened: int) -> None:
    for descriptor in {1, 2} - {opened}:
        os.dup2(opened, descriptor)
    if opened > 2:
        os.close(opened)


def _opened_or_none(log: Path, trouble: str) -> int | None:
    try:
        return _opened(log)
    except OSError as error:
        logger.warning("%s: %s", trouble, error)
        return None


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
