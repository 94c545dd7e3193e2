"""A worker's post at a server that may be away: calls wait for it, and what is said meanwhile is kept on disk.

A trial never waits: its reports are kept (``nascore.launch.spool``) and sent in order when the server is back
(``nas_trial.courier``). A worker that has nothing to train waits for the server up to its limit. Not here: what is done
with a lease.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from nascore.errors import NascoreError, StateError, UnavailableError
from nascore.launch.spool import Parcel, ParcelKind, Spool
from nascore.record import Lease, LeaseAnswer, Registration, Renewal, TrialRecord, TrialState, Verdict
from nascore.space import SearchSpace

from nas_trial.absence import Absence
from nas_trial.attempt import Attempt
from nas_trial.courier import Answer, Courier
from nas_trial.environment import WorkerEnvironment, duration_text
from nas_trial.parcels import outcome_parcel, report_parcel
from nas_trial.post import WAIT_S, Post
from nas_trial.remote_line import RemoteLine, client_of

if TYPE_CHECKING:
    # Never imported at run time by this module: gRPC starts threads, and this process may have yet to fork.
    from nascore.client import Client

logger = logging.getLogger(__name__)

_WAY = (
    "NASCORE_SERVER",
    "NASCORE_TOKEN_FILE",
    "NASCORE_TOKEN",
    "NASCORE_TLS_ROOTS",
    "NASCORE_TLS_CERT",
    "NASCORE_TLS_KEY",
)
_FIRST_CONTACT_S = 300.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
_LONGEST_PAUSE_S = 5.0

T = TypeVar("T")


def connected(environment: WorkerEnvironment) -> RemotePost:
    """Return the post that an environment names; nothing is called yet.

    Raises:
        UnavailableError: The server's name does not resolve.
        PermissionDeniedError: The token cannot be read.
    """
    return RemotePost(client_of(os.environ), environment)


class RemotePost(Post):
    """A post at a server.

    Args:
        client: To the server; of little patience, see ``PATIENCE_S``.
        environment: The worker's place; its limit is for how long an idle worker waits for the server.
    """

    def __init__(self, client: Client, environment: WorkerEnvironment) -> None:
        super().__init__(environment.experiment)
        self.demands = environment.demands
        self._client = client
        self._worker = environment.worker
        self._limit_s = environment.away_limit_s
        self._spool = Spool(environment.folder or environment.home, experiment=self.experiment, worker=self._worker)
        self._absence = Absence(client.address, doing=self._doing, back=self._back)
        self._courier = Courier(self._send, spool=self._spool, absence=self._absence)

    @property
    def way(self) -> Mapping[str, str]:
        """How a trial's own process reaches the server."""
        known = {name: os.environ[name] for name in _WAY if name in os.environ}
        return known | {"NASCORE_EXPERIMENT": self.experiment, "NASCORE_WORKER": self._worker}

    def line(self, lease: Lease) -> RemoteLine:
        """Return the line of a SEARCH trial."""
        return RemoteLine(self._client, self.experiment, self._worker, lease=lease)

    def close(self) -> None:
        """End all calls, those that wait for the server included."""
        self._courier.close()
        self._client.close()
        self._spool.close()

    def recover(self) -> LeaseAnswer | None:
        """Deliver what an earlier process of this worker has left behind; see ``Post.recover``."""
        answer = None
        for (trial, _), group in groupby(self._spool.pending, key=lambda parcel: parcel.lease):
            parcels = list(group)
            if parcels[-1].kind is ParcelKind.OUTCOME:
                answer = self._redelivered(parcels)
            else:
                logger.warning("Trial %d was not finished by the worker before this one; its reports go.", trial)
                self._spool.done(parcels)
        return answer

    def renew(self, lease: Lease) -> Renewal:
        """Keep a lease."""
        try:
            renewal = self._client.renew(self.experiment, self._worker, lease.trial, lease.epoch)
        except UnavailableError as error:
            self._absence.begin(error)
            raise
        self._absence.end()
        return renewal

    def report(self, lease: Lease, step: int, metrics: Mapping[str, float]) -> Verdict:
        """Send intermediate metrics, or keep them while the server is away."""
        return self._courier.report(report_parcel(lease, step, metrics))

    def trial(self, number: int) -> TrialRecord:
        """Return an earlier trial."""
        return self._patiently(lambda: self._client.get_trial(self.experiment, number))

    def _register(self, space: SearchSpace, *, devices: tuple[str, ...]) -> Registration:
        # Whoever never reached the server may have the wrong address; a result that waits to be told is worth waiting.
        limit_s = self._limit_s if self._spool.pending else min(self._limit_s, _FIRST_CONTACT_S)
        register = self._client.register_space
        return self._patiently(lambda: register(self.experiment, self._worker, space, devices=devices), limit_s=limit_s)

    def _lease(self) -> LeaseAnswer:
        request_id = secrets.token_hex(16)
        lease = self._client.lease
        return self._patiently(lambda: lease(self.experiment, self._worker, max_wait_s=WAIT_S, request_id=request_id))

    def _finish(self, lease: Lease, attempt: Attempt, *, wants_next: bool) -> LeaseAnswer | None:
        answer = self._courier.finish(outcome_parcel(lease, attempt, wants_next=wants_next))
        if isinstance(answer, Future):
            logger.warning("Trial %d has ended; its result is kept in %s until it is told.", lease.trial, self._place)
            answer = self._awaited(answer)
        self._courier.forget((lease.trial, lease.epoch))
        return answer

    def _give_back(self, lease: Lease) -> None:
        kept = [parcel for parcel in self._spool.pending if parcel.lease == (lease.trial, lease.epoch)]
        if not kept or kept[-1].kind is not ParcelKind.OUTCOME:
            self._client.return_lease(self.experiment, self._worker, lease.trial, lease.epoch)
            return
        # It has ended: its result is told again, or stays for the next process of this worker.
        logger.warning("The result of trial %d is kept in %s until it is told.", lease.trial, self._place)
        if len(kept) == 1:
            answer = self._send(kept[0])
            self._spool.done(kept)
            if isinstance(answer, LeaseAnswer) and answer.lease is not None:
                self._client.return_lease(self.experiment, self._worker, answer.lease.trial, answer.lease.epoch)

    def _send(self, parcel: Parcel) -> Answer:
        place = (self.experiment, self._worker, parcel.trial, parcel.epoch)
        content = parcel.content
        if parcel.kind is ParcelKind.REPORT:
            step, metrics = content["step"], content["metrics"]
            return self._client.report(*place, step=step, metrics=metrics, request_id=parcel.request_id)
        wants_next = bool(content["wants_next"])
        return self._client.finish(
            *place,
            outcome=parcel.outcome,
            is_retryable=content["is_retryable"],
            checkpoint=content["checkpoint"],
            wants_next=wants_next,
            next_wait_s=WAIT_S if wants_next else 0.0,
            request_id=parcel.request_id,
        )

    def _redelivered(self, parcels: list[Parcel]) -> LeaseAnswer | None:
        trial = parcels[-1].trial
        logger.warning("Telling the result of trial %d, which the worker before this one has kept.", trial)
        *_, answered = [self._courier.resend(parcel) for parcel in parcels]
        try:
            answer = self._awaited(answered)
        except StateError as error:
            logger.warning("Trial %d: the result that was kept was not taken: %s", trial, error)
            return None
        return self._still_fresh(answer)

    def _still_fresh(self, answer: LeaseAnswer | None) -> LeaseAnswer | None:
        """Returns the lease that came with a result if it is this worker's and untouched.

        The result may have been told before by a process that went on with that lease, and was killed.
        """
        lease = None if answer is None else answer.lease
        if lease is None:
            return None
        record = self.trial(lease.trial)
        now = (record.state, record.worker, record.epoch)
        if now != (TrialState.RUNNING, self._worker, lease.epoch):
            return None
        self.held = lease
        if record.reports:
            self.give_back()
            return None
        return answer

    def _awaited(self, answer: Future[Answer]) -> LeaseAnswer | None:
        try:
            found = answer.result(timeout=self._limit_s)
        except FutureTimeoutError as error:
            if answer.done():
                raise
            raise self._given_up(self._limit_s) from error
        assert not isinstance(found, Verdict)
        return found

    def _patiently(self, call: Callable[[], T], *, limit_s: float | None = None) -> T:
        """Makes a call until it is answered, or refused for good.

        Raises:
            UnavailableError: The limit is over.
            NascoreError: It is refused.
        """
        limit_s = self._limit_s if limit_s is None else limit_s
        ends_at = time.monotonic() + limit_s
        pauses_s = iter(_PAUSES_S)
        told = ""
        while True:
            try:
                found = call()
            except NascoreError as error:
                if not error.is_retryable:
                    raise
                if isinstance(error, UnavailableError):
                    self._absence.begin(error)
                elif error.reason != told:
                    told = error.reason
                    logger.warning("The server cannot do it at present, and is asked again: %s", error)
                if time.monotonic() >= ends_at or not self._courier.pause(next(pauses_s, _LONGEST_PAUSE_S)):
                    raise self._given_up(limit_s, error) from error
            else:
                self._absence.end()
                return found

    def _given_up(self, limit_s: float, error: NascoreError | None = None) -> UnavailableError:
        kept = [parcel for parcel in self._spool.pending if parcel.kind is ParcelKind.OUTCOME]
        result = f" The result of trial {kept[-1].trial} is kept in {self._place}." if kept else ""
        reason = "" if error is None else f" {error}"
        is_away = error is None or isinstance(error, UnavailableError)
        what = self._absence.text if is_away else f"The server at {self._client.address} cannot do it"
        return UnavailableError(
            f"{what}, and this worker waits no longer than {duration_text(limit_s)}.{reason}{result}",
            hint="Start it again once the server is back; NASCORE_AWAY_LIMIT sets how long it waits.",
        )

    @property
    def _place(self) -> str:
        return self._spool.place

    def _doing(self) -> str:
        if self.held is None or self._is_ended(self.held):
            return f"this worker waits for it, up to {duration_text(self._limit_s)}"
        return f"trial {self.held.trial} trains on, and what it reports is kept in {self._place}"

    def _back(self) -> str:
        count = sum(parcel.kind is ParcelKind.REPORT for parcel in self._spool.pending)
        has_result = any(parcel.kind is ParcelKind.OUTCOME for parcel in self._spool.pending)
        return f"{count} kept reports and {'a' if has_result else 'no'} result are told now"

    def _is_ended(self, lease: Lease) -> bool:
        kept = self._spool.pending
        return bool(kept) and kept[-1].kind is ParcelKind.OUTCOME and kept[-1].trial == lease.trial
