"""The server: port, health, and the service."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from nascore.errors import InvalidInputError, PermissionDeniedError, UnavailableError
from nascore.tuner.retellings import Retellings

from nas_katib.service import SuggestionServicer
from nas_katib.v1beta1 import api_pb2, api_pb2_grpc

PORT = 6789
"""The port on which Katib's controller looks for a suggestion service."""
HEALTH_SERVICES = ("", api_pb2.DESCRIPTOR.services_by_name["Suggestion"].full_name, "manager.v1beta1.Suggestion")
"""Whose health is told: the last is what the probes of Katib's deployments ask for."""
_GRACE_S = 5.0
_OPTIONS = (
    # A request brings all trials of an experiment.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Two servers on one port would share its callers at random.
    ("grpc.so_reuseport", 0),
)


@asynccontextmanager
async def serving(
    retellings: Retellings, *, host: str = "127.0.0.1", port: int = PORT, insecure: bool = False
) -> AsyncIterator[str]:
    """Serve within a block; gives the address. The tuners are closed at its end.

    Args:
        retellings: The tuners.
        host: Where to listen.
        port: The port; 0 for a free one.
        insecure: Allow a host that other machines reach. Katib's controller knows neither TLS nor tokens.

    Raises:
        PermissionDeniedError: If other machines could reach it, and it was not allowed.
        InvalidInputError: If the host does not resolve.
        UnavailableError: If the port is taken.
        NascoreError: What is wrong with the tuner, as `nascore.tuner.connect`.
    """
    _check_host(host, insecure=insecure)
    try:
        await retellings.describe()
        server, checks, address = await _started(retellings, f"[{host}]" if ":" in host else host, port)
        try:
            yield address
        finally:
            await checks.enter_graceful_shutdown()
            await server.stop(_GRACE_S)
    finally:
        await retellings.close()


async def _started(
    retellings: Retellings, host: str, port: int
) -> tuple[grpc.aio.Server, health.aio.HealthServicer, str]:  # type: ignore[name-defined]  # see below
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=256)
    api_pb2_grpc.add_SuggestionServicer_to_server(SuggestionServicer(retellings), server)  # type: ignore[no-untyped-call]  # generated
    checks = health.aio.HealthServicer()  # type: ignore[attr-defined]  # exported, but not in so many words
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)  # type: ignore[no-untyped-call]  # generated
    for service in HEALTH_SERVICES:
        await checks.set(service, health_pb2.HealthCheckResponse.SERVING)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        message = f"{host}:{port} cannot be listened on."
        raise UnavailableError(message, hint="Is the port taken? Give another --port.") from None
    await server.start()
    return server, checks, f"{host}:{bound}"


def _check_host(host: str, *, insecure: bool) -> None:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        raise InvalidInputError(f"--host {host}: there is no such address.") from None
    if insecure or all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found):
        return
    raise PermissionDeniedError(
        f"--host {host}: other machines could reach it, and Katib's protocol has neither encryption nor tokens.",
        hint="Within a cluster, where the network policy guards it, allow it with --insecure.",
    )
