"""The runner of a campaign: inputs in, crashes, slow ones and growth of memory out.

An input may be accepted, or refused with an error that is allowed; anything else is a crash, `RecursionError` and
`MemoryError` included. What took too long on the clock is tried again by processor time, so that a busy machine
accuses nobody. Not here: what the inputs are (``formats``).
"""

from __future__ import annotations

import gc
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Generic, TypeVar

import psutil

from nascore.errors import NascoreError
from nascore.testing.fuzz.minimising import minimised

InputT = TypeVar("InputT", str, bytes)

_HANG_FACTOR = 30.0
_CONFIRMATIONS = 3
_KEPT = 20
_WARM_UP = 0.2


class HangError(BaseException):
    """An input was given up; not an `Exception`, so that no target swallows it."""


@dataclass(frozen=True, slots=True)
class Finding(Generic[InputT]):
    """One input that must not be.

    Attributes:
        place: Its place among the inputs, from 0: with the seed, all that is needed to make it again.
        text: The input, as small as it could be made.
        what: The exception, or how long it took.
        trace: The traceback; empty for a slow one.
    """

    place: int
    text: InputT
    what: str
    trace: str = ""


@dataclass(slots=True)
class Report(Generic[InputT]):
    """What came of a campaign.

    Attributes:
        inputs: How many were tried.
        accepted: How many were taken.
        refused: How many got an error that is allowed.
        crashes: One finding for each place in the code that crashed; ``crashed`` counts them all.
        slow: Those that took longer than the limit by processor time, every time.
        slowest_s: The longest that one took, in seconds by the clock.
        slowest_processor_s: The most processor time that one took, in seconds of the thread.
        growth_bytes: How much more memory the process held at the end than after the first fifth.
        seconds: How long all of it took.
        processor_s: Processor time of all of it, in seconds of the process.
    """

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    crashed: int = 0
    crashes: list[Finding[InputT]] = field(default_factory=list)
    slow: list[Finding[InputT]] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_processor_s: float = 0.0
    growth_bytes: int = 0
    seconds: float = 0.0
    processor_s: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether nothing crashed and nothing was slow."""
        return not self.crashes and not self.slow

    def __str__(self) -> str:
        lines = [f"{self.inputs} inputs, {self.crashed} crashed, {len(self.slow)} too slow"]
        lines += [f"input {each.place}: {each.what}\n{each.text!r:.2000}\n{each.trace}" for each in self._findings()]
        return "\n".join(lines)

    def _findings(self) -> list[Finding[InputT]]:
        return self.crashes + self.slow


def fuzz(
    target: Callable[[InputT], object],
    inputs: Iterable[InputT],
    *,
    allowed: tuple[type[BaseException], ...] = (NascoreError,),
    limit_s: float = 1.0,
    expected: int = 0,
) -> Report[InputT]:
    """Try every input on a target, and return what came of it.

    Args:
        target: Takes an input or refuses it with an error; it must do the same each time.
        inputs: What is tried.
        allowed: Errors that refuse an input as they should.
        limit_s: Seconds that an input may take. One that takes thirty times as long is given up (in the main thread).
        expected: How many inputs there will be; memory is measured from a fifth of them on.
    """
    campaign = _Campaign(target, allowed, limit_s)
    begin, processor, warm = time.perf_counter(), time.process_time(), None
    with _hangs_given_up():
        for place, text in enumerate(inputs):
            if place == int(expected * _WARM_UP):
                warm = _resident()
            campaign.run(place, text)
    campaign.report.seconds = time.perf_counter() - begin
    campaign.report.processor_s = time.process_time() - processor
    campaign.report.growth_bytes = 0 if warm is None else _resident() - warm
    return campaign.report


class _Campaign(Generic[InputT]):
    def __init__(
        self, target: Callable[[InputT], object], allowed: tuple[type[BaseException], ...], limit_s: float
    ) -> None:
        self.report: Report[InputT] = Report()
        self._target: Callable[[InputT], object] = target
        self._allowed = allowed
        self._limit_s = limit_s
        self._known: set[str] = set()
        self._has_alarm = threading.current_thread() is threading.main_thread()

    def run(self, place: int, text: InputT) -> None:
        report = self.report
        report.inputs += 1
        begin, processor = time.perf_counter(), time.thread_time()
        try:
            self._try(text)
            report.accepted += 1
        except self._allowed:
            report.refused += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # A crash is what is looked for.
            self._note_crash(place, text, error)
        took = time.perf_counter() - begin
        report.slowest_s = max(report.slowest_s, took)
        report.slowest_processor_s = max(report.slowest_processor_s, time.thread_time() - processor)
        if took > self._limit_s and len(report.slow) < _KEPT:
            self._confirm_slow(place, text)

    def _try(self, text: InputT) -> None:
        if not self._has_alarm:
            self._target(text)
            return
        signal.setitimer(signal.ITIMER_REAL, self._limit_s * _HANG_FACTOR)
        try:
            self._target(text)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _note_crash(self, place: int, text: InputT, error: BaseException) -> None:
        self.report.crashed += 1
        name = _signature(error)
        if name in self._known or len(self.report.crashes) >= _KEPT:
            return
        self._known.add(name)
        trace = "".join(traceback.format_exception(error)[-12:])
        smallest = text if isinstance(error, HangError) else minimised(text, lambda part: self._fails(part, name))
        self.report.crashes.append(Finding(place, smallest, f"{type(error).__name__}: {error!s:.300}", trace))

    def _fails(self, text: InputT, name: str) -> bool:
        try:
            self._try(text)
        except self._allowed:
            return False
        except BaseException as error:  # As above: the same crash again.
            return _signature(error) == name
        return False

    def _confirm_slow(self, place: int, text: InputT) -> None:
        took = min(self._processor_time(text) for _ in range(_CONFIRMATIONS))
        if took > self._limit_s:
            self.report.slow.append(Finding(place, text, f"{took:.2f} s of processor time"))

    def _processor_time(self, text: InputT) -> float:
        begin = time.thread_time()
        with suppress(BaseException):  # What it answers was judged already; only its time counts here.
            self._try(text)
        return time.thread_time() - begin


def _signature(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, RecursionError) or not frames:
        return type(error).__name__
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}"


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


@contextmanager
def _hangs_given_up() -> Iterator[None]:
    """Let SIGALRM end what hangs; who used the alarm before gets it back. Only the main thread is sent signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    begin = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, _give_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.1, left - (time.monotonic() - begin)), interval)


def _give_up(number: int, frame: FrameType | None) -> None:
    raise HangError("given up: it did not come to an end")
