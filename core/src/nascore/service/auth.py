"""Who may call: one interceptor over every call, deny by default, and the tokens it asks for.

Not here: roles; a token of this version allows everything. Health is the one exception: it says only "serving".
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from nascore.errors import PermissionDeniedError
from nascore.status import to_call_status

_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
OPEN_METHODS = frozenset(f"/{_HEALTH.full_name}/{method.name}" for method in _HEALTH.methods)
"""The calls that need no token."""

_HINT = "Clients read it from NASCORE_TOKEN_FILE; `nascore run` and `nascore serve` name the file."


def generate_token() -> str:
    """Return a fresh token of 256 random bits."""
    return secrets.token_urlsafe(32)


def write_token(path: str | Path, token: str) -> None:
    """Write ``token`` to a file that only this user can read (0600); an older one is replaced in one step."""
    target = Path(path)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call pass only with the token, in the header ``authorization: Bearer ...``.

    It keeps a digest, not the token, and compares in constant time.
    """

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Pass the call on, or answer UNAUTHENTICATED without a token and PERMISSION_DENIED with a wrong one."""
        if handler_call_details.method in OPEN_METHODS:
            return await continuation(handler_call_details)
        sent = [value for key, value in handler_call_details.invocation_metadata if key == "authorization"]
        if not sent:
            return _NO_TOKEN
        if len(sent) == 1 and hmac.compare_digest(_digest(_bearer(sent[0])), self._digest):
            return await continuation(handler_call_details)
        return _WRONG_TOKEN


def _bearer(header: str | bytes) -> str:
    text = header if isinstance(header, str) else header.decode("ascii", "replace")
    scheme, _, token = text.partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _refusal(message: str, *, is_anonymous: bool) -> grpc.RpcMethodHandler:
    status = to_call_status(PermissionDeniedError(message, hint=_HINT), is_anonymous=is_anonymous)

    async def refuse(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        await context.abort(status.code, status.details, status.trailing_metadata)

    # A stream-stream handler serves calls of every shape, and answers without waiting for a request.
    handler: grpc.RpcMethodHandler = grpc.stream_stream_rpc_method_handler(refuse)  # type: ignore[no-untyped-call]  # grpc is not annotated
    return handler


_NO_TOKEN = _refusal("The call carries no token.", is_anonymous=True)
_WRONG_TOKEN = _refusal("The token of the call is not that of this server.", is_anonymous=False)
