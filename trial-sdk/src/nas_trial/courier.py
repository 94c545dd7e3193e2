"""The courier: brings a worker's parcels to the server, in order, through any absence of it.

While the server answers, a parcel is sent at once by whoever has it. From the first that cannot be sent, all go into
the spool and through one thread, which sends them in order until none is left. Each carries its request id, so that a
try whose answer was lost does no harm. Not here: what a call is (``nas_trial.remote_post``), and files
(``nascore.launch.spool``).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from nascore.errors import (
    InvalidInputError,
    LeaseSupersededError,
    NascoreError,
    NotFoundError,
    StateError,
    UnavailableError,
)
from nascore.launch.spool import Parcel, ParcelKind, Spool
from nascore.record import LeaseAnswer, Verdict

from nas_trial.absence import Absence

logger = logging.getLogger(__name__)

Answer = Verdict | LeaseAnswer | None
"""What the server answers to a parcel: a verdict to a report; to an outcome the next lease, if it is wanted."""

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_FINAL = (InvalidInputError, StateError, NotFoundError)
"""What no further try can mend: the server has read the parcel and does not want it."""


@dataclass(slots=True, eq=False)
class _Errand:
    """A parcel on its way, and who waits for the answer."""

    parcel: Parcel
    answer: Future[Answer] = field(default_factory=Future)


class Courier:
    """Sends parcels. Thread-safe.

    Args:
        send: Makes the call; raises what the server answered.
        spool: Keeps what is not acknowledged.
        absence: Is told whether the server answers.
    """

    def __init__(self, send: Callable[[Parcel], Answer], *, spool: Spool, absence: Absence) -> None:
        self._send = send
        self._spool = spool
        self._absence = absence
        self._changed = threading.Condition()
        self._closed = threading.Event()
        # Guarded by _changed:
        self._errands: deque[_Errand] = deque()
        self._thread: threading.Thread | None = None
        # What came of reports of a lease that nobody waited for.
        self._stopped: set[tuple[int, int]] = set()
        self._lost: dict[tuple[int, int], LeaseSupersededError] = {}

    def report(self, parcel: Parcel) -> Verdict:
        """Send a report, or keep it for later; then the verdict is CONTINUE, unless an earlier one was STOP by now.

        Raises:
            LeaseSupersededError: The trial is another worker's, by this report or an earlier one.
            NascoreError: The server does not want it.
        """
        if (lost := self._lost.get(parcel.lease)) is not None:
            raise lost
        if not self._is_busy():
            try:
                verdict = self._sent(parcel)
            except NascoreError as error:
                if not error.is_retryable:
                    raise
                self._put_off(parcel, error)
            else:
                assert isinstance(verdict, Verdict)
                return Verdict.STOP if parcel.lease in self._stopped else verdict
        self._spool.sync()
        self._spool.add(parcel)
        self._accept(parcel)
        return Verdict.STOP if parcel.lease in self._stopped else Verdict.CONTINUE

    def finish(self, parcel: Parcel) -> LeaseAnswer | Future[Answer] | None:
        """Send the end of a trial; while the server is away, return the future of the answer.

        Raises:
            NascoreError: The server does not want it.
        """
        self._spool.add(parcel)
        if not self._is_busy():
            try:
                answer = self._sent(parcel)
            except NascoreError as error:
                if not error.is_retryable:
                    self._refused(parcel, error)
                    raise
                self._put_off(parcel, error)
            else:
                self._spool.done([parcel])
                assert not isinstance(answer, Verdict)
                return answer
        self._spool.sync()
        return self._accept(parcel)

    def resend(self, parcel: Parcel) -> Future[Answer]:
        """Send what lies in the spool already; returns the future of the answer."""
        return self._accept(parcel)

    def forget(self, lease: tuple[int, int]) -> None:
        """Forget what is known of a lease that has ended."""
        self._stopped.discard(lease)
        self._lost.pop(lease, None)

    def pause(self, delay_s: float) -> bool:
        """Wait until the server is back, at most ``delay_s`` seconds; whether the courier is still open."""
        if self._absence.has_begun:
            self._absence.is_over.wait(delay_s)
        else:
            self._closed.wait(delay_s)
        return not self._closed.is_set()

    def close(self) -> None:
        """Send nothing more; what is not acknowledged stays in the spool."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        # Wakes who waits.
        self._absence.is_over.set()

    def _is_busy(self) -> bool:
        return bool(self._errands) or self._absence.has_begun

    def _sent(self, parcel: Parcel) -> Answer:
        answer = self._send(parcel)
        self._absence.end()
        return answer

    def _accept(self, parcel: Parcel) -> Future[Answer]:
        errand = _Errand(parcel)
        with self._changed:
            self._errands.append(errand)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nascore-courier", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return errand.answer

    def _run(self) -> None:
        while (errand := self._next()) is not None:
            self._deliver(errand)
            with self._changed:
                self._errands.remove(errand)

    def _next(self) -> _Errand | None:
        with self._changed:
            while not self._errands and not self._closed.is_set():
                self._changed.wait()
            return None if self._closed.is_set() else self._errands[0]

    def _deliver(self, errand: _Errand) -> None:
        """Sends a parcel, again and again while the server is away."""
        parcel, pause_s, told = errand.parcel, _FIRST_PAUSE_S, ""
        if parcel.kind is ParcelKind.REPORT and parcel.lease in self._lost:
            self._spool.done([parcel])
            return
        while not self._closed.is_set():
            try:
                answer = self._sent(parcel)
            except NascoreError as error:
                if not error.is_retryable:
                    self._settle_refusal(errand, error)
                    return
                told = self._put_off(parcel, error, told=told)
            except Exception as error:
                # The border of a thread: who waits must hear of it.
                logger.exception("A parcel of trial %d cannot be sent.", parcel.trial)
                errand.answer.set_exception(error)
                return
            else:
                self._settle(errand, answer)
                return
            self.pause(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    def _put_off(self, parcel: Parcel, error: NascoreError, *, told: str = "") -> str:
        """Tells a person, once, why a parcel has to wait; returns what was told."""
        if isinstance(error, UnavailableError):
            if not self._closed.is_set():
                self._absence.begin(error)
        elif error.reason != told:
            logger.warning("Trial %d: a %s is sent again until it is taken: %s", parcel.trial, parcel.kind.value, error)
            return error.reason
        return told

    def _settle(self, errand: _Errand, answer: Answer) -> None:
        self._spool.done([errand.parcel])
        if answer is Verdict.STOP:
            self._stopped.add(errand.parcel.lease)
        with suppress(InvalidStateError):
            errand.answer.set_result(answer)

    def _settle_refusal(self, errand: _Errand, error: NascoreError) -> None:
        parcel = errand.parcel
        self._refused(parcel, error)
        if isinstance(error, LeaseSupersededError):
            self._lost[parcel.lease] = error
        elif parcel.kind is ParcelKind.REPORT and not self._closed.is_set():
            logger.warning("Trial %d: a report that was kept was not taken: %s", parcel.trial, error)
        with suppress(InvalidStateError):
            errand.answer.set_exception(error)

    def _refused(self, parcel: Parcel, error: NascoreError) -> None:
        """Forgets what the server does not want; what it may yet want, from another process of this worker, stays."""
        if isinstance(error, _FINAL) and not self._closed.is_set():
            self._spool.done([parcel])
