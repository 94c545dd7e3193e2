"""A stream in lockstep: one request, one answer, with a deadline for each, on a stream that has none of its own.

Not here: what is said on it (``lane``, ``exchange``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import grpc

_LOOK_EVERY_S = 1.0


class Answers(Protocol):
    """The other side's half of a stream, as ``grpc`` gives it."""

    def __next__(self) -> bytes:
        """Wait for the next answer."""

    def cancel(self) -> bool:
        """Give the stream up."""


class Lockstep:
    """One stream, opened when it is first used and again after it broke. One thread at a time; `close` from any.

    Args:
        begin: Opens a stream that sends what an iterator yields.
        clock: Monotonic seconds.
    """

    def __init__(self, begin: Callable[[Iterable[bytes]], Answers], *, clock: Callable[[], float]) -> None:
        self._begin = begin
        self._clock = clock
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: Answers | None = None
        self._deadline: float | None = None  # Of the exchange at work; read by the watch.
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a stream at present."""
        return self._answers is not None

    @property
    def is_closed(self) -> bool:
        """Whether it was ended for good."""
        return self._closed.is_set()

    def say(self, request: bytes, *, timeout_s: float) -> bytes:
        """Send a request and return its answer.

        Raises:
            grpc.RpcError, StopIteration: The stream broke or ended; it is given up.
        """
        answers = self._answers or self._opened()
        self._deadline = self._clock() + timeout_s
        try:
            self._requests.put(request)
            return next(answers)
        except BaseException:
            # Also for a signal's exception: the answer still comes, and would be taken for that of the next request.
            self.give_up()
            raise
        finally:
            self._deadline = None

    def ending(self, *, timeout_s: float) -> grpc.RpcError | StopIteration:
        """Wait until the other side ends the stream, and return how it does; where it does not, it is given up."""
        answers = self._answers
        if answers is None:
            return StopIteration()
        self._deadline = self._clock() + timeout_s
        try:
            next(answers)
        except (grpc.RpcError, StopIteration) as error:
            is_ours = isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.CANCELLED  # type: ignore[no-untyped-call]  # grpc is not annotated
            return StopIteration() if is_ours else error
        finally:
            self._deadline = None
            self.give_up()
        return StopIteration()

    def give_up(self) -> None:
        """End the stream; the next request opens another."""
        answers, self._answers = self._answers, None
        self._requests.put(None)
        if answers is not None:
            answers.cancel()

    def close(self) -> None:
        """End the stream for good."""
        self._closed.set()
        self.give_up()

    def _opened(self) -> Answers:
        self._requests = queue.SimpleQueue()
        self._answers = self._begin(_until_none(self._requests))
        if self._watch is None:
            self._watch = threading.Thread(target=self._look_after, name="nascore-lockstep", daemon=True)
            self._watch.start()
        return self._answers

    def _look_after(self) -> None:
        """Cancel a stream on which an answer is overdue: reading it has no deadline of its own."""
        while not self._closed.wait(_LOOK_EVERY_S):
            deadline, answers = self._deadline, self._answers
            if deadline is not None and answers is not None and self._clock() > deadline:
                answers.cancel()


def _until_none(requests: queue.SimpleQueue[bytes | None]) -> Iterator[bytes]:
    while (request := requests.get()) is not None:
        yield request
