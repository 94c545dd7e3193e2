"""gRPC health: whether the server serves, for probes and for clients that wait.

The reference servicer is not used: it holds a lock while it writes to a watcher, so that one who does not read could
keep a server from draining. Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from grpc_health.v1 import health_pb2

from nascore.errors import NotFoundError

_Response = health_pb2.HealthCheckResponse


class HealthServicer:
    """Serving or not, for the server as a whole ("") and each of its services alike. Belongs to one event loop."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = ("", *services)
        self._status = _Response.NOT_SERVING
        self._changed = asyncio.Event()

    def set_serving(self, *, is_serving: bool) -> None:
        """Tell all watchers whether the server serves."""
        self._status = _Response.SERVING if is_serving else _Response.NOT_SERVING
        self._changed.set()
        self._changed = asyncio.Event()

    async def check(self, request: health_pb2.HealthCheckRequest) -> health_pb2.HealthCheckResponse:
        """Answer now.

        Raises:
            NotFoundError: If there is no such service, as the health protocol demands.
        """
        if request.service not in self._services:
            raise NotFoundError(f"There is no service {request.service[:100]!r} here.")
        return _Response(status=self._status)

    async def list(self, request: health_pb2.HealthListRequest) -> health_pb2.HealthListResponse:
        """Answer for every service."""
        answer = _Response(status=self._status)
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, answer))

    async def watch(
        self, request: health_pb2.HealthCheckRequest
    ) -> AsyncGenerator[health_pb2.HealthCheckResponse, None]:
        """Answer now and with each change."""
        while True:
            changed = self._changed
            is_known = request.service in self._services
            yield _Response(status=self._status if is_known else _Response.SERVICE_UNKNOWN)
            await changed.wait()
