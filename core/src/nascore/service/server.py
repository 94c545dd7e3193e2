"""The server: where transport, token, servicers and experiments are put together.

Not here: the experiments' lives (the caller opens and closes them), signals, and the CLI.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from nascore.client import Address, UnixAddress, parse_address
from nascore.client.address import TcpAddress
from nascore.client.secret import Secret
from nascore.client.token import check_token
from nascore.errors import NotFoundError, StateError, sentence
from nascore.experiment import Experiments
from nascore.record import ExperimentRecord
from nascore.service.auth import TokenInterceptor
from nascore.service.departure import expect_departures
from nascore.service.dispatch import service_handler
from nascore.service.drain import Drain
from nascore.service.experiments import ExperimentServicer
from nascore.service.grants import Grant, Scope, make_grant
from nascore.service.health import HealthServicer
from nascore.service.keyring import Keyring
from nascore.service.listen import SocketPlace, check_port, safe_address
from nascore.service.pages import MAX_MESSAGE_BYTES
from nascore.service.tls import ServerTls
from nascore.service.tokens import TokenFile
from nascore.service.trials import TrialServicer
from nascore.service.weights import WeightServicer
from nascore.service.weights.direct_port import DirectPort
from nascore.v1 import experiment_pb2, trial_pb2, weights_pb2
from nascore.weights.indexed import IndexedStore

logger = logging.getLogger(__name__)

TRIAL_SERVICE = trial_pb2.DESCRIPTOR.services_by_name["TrialService"]
EXPERIMENT_SERVICE = experiment_pb2.DESCRIPTOR.services_by_name["ExperimentService"]
_HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"]
WEIGHT_SERVICE = weights_pb2.DESCRIPTOR.services_by_name["WeightService"]
_MAX_CALLS = 16_384
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 1024),
    # Whoever connects and says nothing is let go, and so many at most may be connected.
    ("grpc.max_allowed_incoming_connections", 4096),
    ("grpc.server_handshake_timeout_ms", 20_000),
    # Two servers on one port would share its callers at random.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Clients ping every 30 s; without this the server would call that too much, and hang up on a silent stream.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class Server:
    """A gRPC server of experiments. Belongs to one event loop.

    Args:
        experiments: What is served; it stays the caller's to close, after ``stop``. ``None``: weights alone.
        address: ``unix:`` (a socket in a fresh 0700 folder), ``unix:/path`` or ``host:port`` (port 0: a free one).
        token: Allows everything until the server ends.
        token_file: The tokens that an operator made; changes count at once. ``None`` for none.
        tls: Certificate and key; needed where other machines can reach the address.
        weights: Whose checkpoints are served, the caller's to close as well; ``None``: no weights are.
        data_port: Where direct connections for weights come in, at the same host; 0: a free port, ``None``: nowhere.
            Beside a socket there are none.

    Attributes:
        address: Where callers reach it, once it was started.

    Raises:
        InvalidInputError: If the address or the token is malformed, or the address is exposed without TLS.
    """

    def __init__(
        self,
        experiments: Experiments | None,
        *,
        address: str,
        token: str | Secret,
        token_file: TokenFile | None = None,
        tls: ServerTls | None = None,
        weights: IndexedStore | None = None,
        data_port: int | None = 0,
    ) -> None:
        self._asked = safe_address(parse_address(address), has_tls=tls is not None, has_token=token != "")
        admin = make_grant(Scope.ADMIN, token=check_token(token, source="token"), now=time.time())
        self._keyring = Keyring((admin,), file=token_file)
        self._tls = tls
        self._drain = Drain()
        self._data_port = data_port
        self._experiments = experiments
        self._weights = None if weights is None else _weight_servicer(weights, experiments)
        self._served = self._servicers()
        self._health = HealthServicer([service.full_name for service, _ in self._served])
        self._place: SocketPlace | None = None
        self.address = ""
        self._server: grpc.aio.Server | None = None

    async def start(self) -> str:
        """Listen, and return the address that callers use.

        Raises:
            StateError: If it was started before, or the address is in use.
            InvalidInputError: If the certificate or the socket's path cannot be used.
        """
        if self._server is not None:
            raise StateError("This server was started already.", hint="Make a new one.")
        self._server = self._assembled()
        try:
            address = self._bind(self._server)
            self._listen_for_bytes(address)
            await self._server.start()
        except BaseException:
            await self.stop(0.0)
            raise
        if self._place is not None:
            self._place.protect()
        self._health.set_serving(is_serving=True)
        self.address = str(address)
        logger.info("Serving at %s.", address)
        return self.address

    @property
    def local_address(self) -> str:
        """Address for callers on this machine while it serves: beside TLS a private socket; empty if it is the same."""
        return "" if self._tls is None or self._place is None else str(self._place.address)

    def admit(self, grant: Grant) -> None:
        """Take one more token until the server ends."""
        self._keyring.admit(grant)

    async def stop(self, grace_s: float) -> None:
        """Stop: waits end at once, calls at work have ``grace_s`` seconds to finish. Stopping twice is harmless."""
        if self._server is None:
            return
        self._health.set_serving(is_serving=False)
        # Watchers of health hear of it before the drain ends their streams.
        await asyncio.sleep(0)
        self._drain.begin()
        await self._server.stop(grace_s)
        if self._weights is not None:
            if self._weights.direct is not None:
                self._weights.direct.stop_listening()
            await asyncio.to_thread(self._weights.close)
        if self._place is not None:
            self._place.release()
            self._place = None

    def _assembled(self) -> grpc.aio.Server:
        expect_departures()
        grpc.aio.init_grpc_aio()  # for the life of the process, as in nascore.tuner.remote
        server: grpc.aio.Server = grpc.aio.server(
            interceptors=(TokenInterceptor(self._keyring),), options=_OPTIONS, maximum_concurrent_rpcs=_MAX_CALLS
        )
        served = [*self._served, (_HEALTH_SERVICE, self._health)]
        server.add_generic_rpc_handlers(
            tuple(service_handler(service, servicer, drain=self._drain) for service, servicer in served)
        )
        names = (*(service.full_name for service, _ in served), reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)  # type: ignore[no-untyped-call]  # grpc is not annotated
        return server

    def _servicers(self) -> list[tuple[ServiceDescriptor, object]]:
        served: list[tuple[ServiceDescriptor, object]] = []
        if self._experiments is not None or self._weights is None:
            experiments = cast("Experiments", self._experiments)
            served.append((TRIAL_SERVICE, TrialServicer(experiments, self._drain)))
            served.append((EXPERIMENT_SERVICE, ExperimentServicer(experiments)))
        if self._weights is not None:
            served.append((WEIGHT_SERVICE, self._weights))
        return served

    def _bind(self, server: grpc.aio.Server) -> Address:
        if isinstance(self._asked, UnixAddress):
            return self._bind_socket(server, self._asked)
        if self._tls is not None:
            # People of this machine need no certificate; the token they need all the same.
            self._bind_socket(server, UnixAddress(""))
        return TcpAddress(self._asked.host, self._listen(server, self._asked, self._tls))

    def _listen_for_bytes(self, address: Address) -> None:
        if self._weights is not None and self._data_port is not None and isinstance(address, TcpAddress):
            self._weights.direct = DirectPort(address.host, port=self._data_port, tls=self._tls)

    def _bind_socket(self, server: grpc.aio.Server, asked: UnixAddress) -> UnixAddress:
        self._place = SocketPlace(asked)
        with self._place.private():
            self._listen(server, self._place.address, None)
        return self._place.address

    def _listen(self, server: grpc.aio.Server, address: Address, tls: ServerTls | None) -> int:
        if isinstance(address, TcpAddress):
            check_port(address)
        try:
            if tls is None:
                return int(server.add_insecure_port(address.target))
            return int(server.add_secure_port(address.target, tls.credentials()))
        except RuntimeError as error:
            raise StateError(
                f"Cannot listen at {address}: {sentence(str(error))}",
                hint="The port may be in use or need privileges; port 0 takes a free one.",
            ) from None


def _weight_servicer(weights: IndexedStore, experiments: Experiments | None) -> WeightServicer:
    if experiments is None:
        return WeightServicer(weights)

    def record(experiment: str) -> ExperimentRecord:
        found = experiments.get(experiment).record()
        if found.id != experiment:
            raise NotFoundError(f"There is no experiment with the full id {experiment!r:.80}.")
        return found

    return WeightServicer(weights, record=record)
