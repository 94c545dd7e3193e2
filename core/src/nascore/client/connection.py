"""A gRPC channel to one server: token, deadlines, retries, and errors that say what to do.

Not here: the calls themselves (``nascore.client.experiments``, ``nascore.client.trials``), what an error of gRPC means
(``trouble``), and whether the server serves (``health``).

Thread-safe: any number of threads may call at once. Not fork-safe: gRPC's threads do not survive a fork, so a forked
child makes a connection of its own; using the parent's raises StateError.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from typing import TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message

from nascore.client import lane
from nascore.client.address import Address
from nascore.client.channel import open_channel
from nascore.client.credentials import NEW_TOKEN_S, Credentials, Headers
from nascore.client.lane import Lane
from nascore.client.lockstep import Answers, Lockstep
from nascore.client.retry import Patience, jittered_delays
from nascore.client.secret import Secret
from nascore.client.tls import ClientTls
from nascore.client.trouble import trouble_of
from nascore.errors import (
    DataLossError,
    InvalidInputError,
    NascoreError,
    StateError,
    UnauthenticatedError,
    UnavailableError,
)

logger = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Message)


class Connection:
    """A channel to one server.

    Args:
        address: Where the server listens.
        token: Sent with every call; ``None`` for none.
        read_token: Reads the token again once the server does not know it, for one that was restarted has a new one.
        tls: How to speak TLS; ``None`` for plain text, which only an address of this machine may have.
        timeout_s: Deadline of each try, in seconds, beside what the call itself waits for.
        patience_s: Seconds over which an unreachable server is tried again; 0 tries once.
        rng: Source of the jitter.
        clock: Monotonic seconds.

    Raises:
        InvalidInputError: If a number is out of range, or plain text would leave this machine.
    """

    def __init__(
        self,
        address: Address,
        *,
        token: Secret | None,
        tls: ClientTls | None,
        timeout_s: float,
        patience_s: float,
        read_token: Callable[[], Secret] | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not timeout_s > 0 or not patience_s >= 0:
            raise InvalidInputError(f"timeout_s {timeout_s} must be above 0, and patience_s {patience_s} not below.")
        if tls is None and not address.is_loopback():
            raise InvalidInputError(
                f"address {address}: reaching another machine needs TLS, or the token could be read on the way.",
                hint="Give tls=ClientTls(roots=...), or name the file with its certificate in NASCORE_TLS_ROOTS.",
            )
        self.address = address
        self.timeout_s = timeout_s
        self._patience_s = patience_s
        self._credentials = Credentials(token, read_again=read_token)
        self._rng = random.Random() if rng is None else rng
        self._clock = clock
        self._closed = threading.Event()
        self._pid = os.getpid()
        self.tls = tls
        self._channel = open_channel(address, tls)
        self._calls: dict[str, Callable[..., bytes]] = {}
        self._lane = Lane(partial(self._converse, lane.METHOD), clock=clock)

    def unary(
        self, method: str, request: Message, response: type[ResponseT], *, extra_wait_s: float = 0.0
    ) -> ResponseT:
        """Call ``method``, trying again while the server cannot be reached, and return its answer.

        Args:
            method: Full name, ``/nascore.v1.TrialService/LeaseTrial``.
            request: The request; the same bytes go out with every try.
            response: Type of the answer.
            extra_wait_s: Seconds that the server may wait on purpose, added to the deadline.

        Raises:
            NascoreError: The error that the server answered, or UnavailableError once patience is over.
        """
        patience = self.patience()
        timeout_s = self.timeout_s + extra_wait_s
        while True:
            try:
                return self.once(method, request, response, timeout_s=timeout_s)
            except UnavailableError as error:
                self.pause(patience, error)
                timeout_s = min(timeout_s, max(patience.left_s(), 1.0) + extra_wait_s)

    def once(self, method: str, request: Message, response: type[ResponseT], *, timeout_s: float) -> ResponseT:
        """Call ``method`` a single time; again only if the token is not known, and its file holds another one by now.

        Raises:
            NascoreError: What went wrong.
        """
        sent = self.headers
        try:
            return self._called(method, request, response, timeout_s=timeout_s)
        except UnauthenticatedError:
            if not self.has_other_token(sent):
                raise
        return self._called(method, request, response, timeout_s=timeout_s)

    def lockstep(self, method: str) -> Lockstep:
        """Return a stream in lockstep, which is the caller's to close; see `explain` for what breaks it."""
        return Lockstep(partial(self._converse, method), clock=self._clock)

    def _converse(self, method: str, requests: Iterable[bytes]) -> Answers:
        begin = self._usable().stream_stream(method)  # type: ignore[no-untyped-call]  # grpc is not annotated
        answers: Answers = begin(requests, metadata=self.headers)
        return answers

    @property
    def headers(self) -> Headers:
        """What is sent with a call."""
        return self._credentials.headers

    def has_other_token(self, sent: Headers) -> bool:
        """Whether the token is another than the one in ``sent``, which the server did not know, or soon becomes one."""
        return self._credentials.has_other(sent, patience=self.patience(NEW_TOKEN_S), closed=self._closed)

    def _called(self, method: str, request: Message, response: type[ResponseT], *, timeout_s: float) -> ResponseT:
        if (answer := self._lane.exchange(method, request, timeout_s=timeout_s)) is not None:
            return cast("ResponseT", answer)
        call, sent = self._unary(method), self.headers
        try:
            raw = call(request.SerializeToString(), timeout=timeout_s, metadata=sent)
        except grpc.RpcError as error:
            raise self.explain(error, method, timeout_s) from None
        except ValueError as error:
            raise self._left_closed(error) from None
        self._credentials.accept(sent)
        return self._parse(response, raw)

    def stream(self, method: str, request: Message, response: type[ResponseT]) -> Generator[ResponseT, None, None]:
        """Yield the answers of a server stream until it ends; leaving the loop cancels it. Not tried again.

        Raises:
            NascoreError: What broke it.
        """
        with closing(self.pieces(method, request)) as answers:
            for raw in answers:
                yield self._parse(response, raw)

    def pieces(self, method: str, request: Message, *, timeout_s: float | None = None) -> Generator[bytes, None, None]:
        """Yield the answers of a server stream as they came, as `stream` does.

        Raises:
            NascoreError: What broke it.
        """
        call = self._usable().unary_stream(method)  # type: ignore[no-untyped-call]  # grpc is not annotated
        sent = self.headers
        try:
            answers = call(request.SerializeToString(), timeout=timeout_s, metadata=sent)
        except ValueError as error:
            raise self._left_closed(error) from None
        try:
            for raw in answers:
                self._credentials.accept(sent)
                yield raw
        except grpc.RpcError as error:
            raise self.explain(error, method, timeout_s or 0.0) from None
        finally:
            answers.cancel()

    def gather(
        self, method: str, requests: Iterable[bytes], response: type[ResponseT], *, timeout_s: float
    ) -> ResponseT:
        """Send a stream of requests, and return the one answer to all. Not tried again.

        Raises:
            NascoreError: What broke it, or what the server answered.
        """
        call, sent = self._usable().stream_unary(method), self.headers  # type: ignore[no-untyped-call]  # grpc is not annotated
        try:
            raw = call(iter(requests), timeout=timeout_s, metadata=sent)
        except grpc.RpcError as error:
            raise self.explain(error, method, timeout_s) from None
        except ValueError as error:
            raise self._left_closed(error) from None
        self._credentials.accept(sent)
        return self._parse(response, raw)

    def patience(self, most_s: float | None = None) -> Patience:
        """Return a fresh patience, of so many seconds; of those of the connection if not given."""
        seconds = self._patience_s if most_s is None else most_s
        return Patience(self._clock, self._clock() + seconds, jittered_delays(self._rng))

    def pause(self, patience: Patience, error: NascoreError) -> None:
        """Wait before the next try; raise ``error`` once patience is over or the connection is closed."""
        delay = patience.next_delay()
        if delay is None:
            raise error
        logger.debug("Trying again in %.2f s: %s", delay, error)
        if self._closed.wait(delay):
            raise error

    def close(self) -> None:
        """End all calls and close the channel. Closing twice is harmless."""
        self._closed.set()
        if os.getpid() == self._pid:
            self._lane.close()
            self._channel.close()  # type: ignore[no-untyped-call]  # grpc is not annotated

    def _unary(self, method: str) -> Callable[..., bytes]:
        channel = self._usable()
        # Making one for each call costs a tenth of a millisecond.
        if (call := self._calls.get(method)) is None:
            call = channel.unary_unary(method)  # type: ignore[no-untyped-call]  # grpc is not annotated
            self._calls[method] = call
        return call

    def _usable(self) -> grpc.Channel:
        if os.getpid() != self._pid:
            raise StateError(
                f"This client was made in process {self._pid} and is used in its fork {os.getpid()}.",
                hint="Make a new client after the fork.",
            )
        return self._channel

    def _left_closed(self, error: ValueError) -> StateError:
        return StateError(f"The client of {self.address} is closed ({error}).", hint="Make a new one.")

    def _parse(self, response: type[ResponseT], raw: bytes) -> ResponseT:
        try:
            return response.FromString(raw)
        except DecodeError as error:
            raise DataLossError(f"The answer of {self.address} is not a {response.__name__} ({error}).") from None

    def explain(self, error: grpc.RpcError, method: str, timeout_s: float) -> NascoreError:
        """Return the error that says what gRPC's means, and what to do about it."""
        return trouble_of(
            error,
            method,
            timeout_s=timeout_s,
            address=self.address,
            tls=self.tls,
            is_closed=self._closed.is_set(),
        )
