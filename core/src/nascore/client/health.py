"""Whether a server serves: gRPC's health check, asked again until it says yes or patience is over."""

from __future__ import annotations

from grpc_health.v1 import health_pb2

from nascore.client.connection import Connection
from nascore.errors import UnavailableError

_METHOD = "/grpc.health.v1.Health/Check"
_SERVING = health_pb2.HealthCheckResponse.SERVING


def wait_until_serving(connection: Connection, timeout_s: float) -> None:
    """Wait until the server says that it serves.

    Raises:
        UnavailableError: If it does not within ``timeout_s``; the message says why.
    """
    patience = connection.patience(timeout_s)
    while True:
        try:
            _check(connection, timeout_s=max(0.1, min(patience.left_s(), connection.timeout_s)))
        except UnavailableError as error:
            connection.pause(patience, error)
        else:
            return


def _check(connection: Connection, *, timeout_s: float) -> None:
    request = health_pb2.HealthCheckRequest()
    answer = connection.once(_METHOD, request, health_pb2.HealthCheckResponse, timeout_s=timeout_s)
    if answer.status != _SERVING:
        raise UnavailableError(f"The server at {connection.address} is up, but does not serve yet or any more.")
