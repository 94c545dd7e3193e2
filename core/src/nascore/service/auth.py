"""Who may call: one interceptor over every call, deny by default.

A call needs a token that the keyring knows, that has not run out, and whose scope the call's rule names. What a token
is kept to (experiments, workers) stands in the request, so that is checked where the request is read. A call that has
no rule is refused for everybody. Health is the one exception: it says only "serving".

A call that was let in goes on to its end, which a long poll reaches after at most a minute; a stream ends before the
first message after its token was revoked or has run out.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias, cast

import grpc

from nascore.errors import PermissionDeniedError, UnauthenticatedError
from nascore.service.audit import Audit
from nascore.service.caller import Caller
from nascore.service.grants import Grant, digest_of
from nascore.service.guarding import Context, Shape, guarded_handler
from nascore.service.keyring import Keyring
from nascore.service.rules import RULES, Reach, Rule
from nascore.status import to_call_status

_HINT = "Clients read it from NASCORE_TOKEN_FILE; `nascore run` and `nascore serve` name the file."
_NEW = "Whoever runs the server makes another with `nascore token new`."

_WITHIN = "Name the experiment by its full id, or ask whoever runs the server for a token that covers this."
_MOST_MADE = 4096

Continuation: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call pass only with a token that covers it, in the header ``authorization: Bearer ...``.

    Args:
        keyring: The grants that count.
        rules: What each call needs.
        clock: Unix time in seconds.
    """

    def __init__(
        self, keyring: Keyring, *, rules: Mapping[str, Rule] = RULES, clock: Callable[[], float] = time.time
    ) -> None:
        self._keyring = keyring
        self._rules = rules
        self._clock = clock
        self._audit = Audit()
        # Guarded handlers, by method and token: what guards is the same for each call.
        self._made: dict[tuple[str, bytes], tuple[Grant, grpc.RpcMethodHandler]] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """Pass the call on, or refuse it: UNAUTHENTICATED without a token that counts, else PERMISSION_DENIED."""
        method = handler_call_details.method
        rule = self._rules.get(method)
        if rule is not None and rule.is_open:
            return await continuation(handler_call_details)
        token = _bearer(handler_call_details.invocation_metadata)
        if token is None:
            return self._refusal(method, None, UnauthenticatedError("The call carries no token.", hint=_HINT))
        grant = self._keyring.find(digest_of(token))
        if grant is None or grant.is_expired(self._clock()) or rule is None or grant.scope not in rule.scopes:
            return await self._refused(continuation, handler_call_details, grant, rule)
        if rule.reach is Reach.SERVER and grant.experiments:
            why = f"Token {grant.id} is kept to some experiments; {_name(method)} is about the whole server."
            return self._refusal(method, grant, PermissionDeniedError(why, hint=_NEW))
        handler = await continuation(handler_call_details)
        return self._guarded(handler, method, rule, grant)

    async def _refused(
        self, continuation: Continuation, details: grpc.HandlerCallDetails, grant: Grant | None, rule: Rule | None
    ) -> grpc.RpcMethodHandler:
        """Return the refusal of a token that does not open this call, or of this call to everybody."""
        method = details.method
        if grant is None:
            why = "The token of the call is not that of this server, or was revoked."
            return self._refusal(method, None, UnauthenticatedError(why, hint=_HINT))
        if grant.is_expired(self._clock()):
            return self._refusal(method, grant, _expired(grant))
        if rule is None:
            handler = await continuation(details)
            if handler is None:  # There is no such call: gRPC says so, as UNIMPLEMENTED.
                return handler
            why = f"{_name(method)} is closed to everybody: no rule says who may call it."
            hint = "This is a defect of nascore; please report it."
            return self._refusal(method, grant, PermissionDeniedError(why, hint=hint))
        needed = " or ".join(sorted(scope.value for scope in rule.scopes))
        why = f"Token {grant.id} has the scope {grant.scope}; {_name(method)} needs {needed}."
        return self._refusal(method, grant, PermissionDeniedError(why, hint=_NEW))

    def _guarded(self, handler: grpc.RpcMethodHandler, method: str, rule: Rule, grant: Grant) -> grpc.RpcMethodHandler:
        """Return the handler, with a look at each request and at each message of a stream where that is called for."""
        shape = cast("Shape | None", handler)
        if shape is None or rule.reach is Reach.PROTOCOL:
            return handler
        if not (_is_kept(grant) or rule.is_audited or shape.response_streaming):
            return handler
        made = self._made.get((method, grant.digest))
        if made is None or made[0] is not grant:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            made = self._made[method, grant.digest] = (grant, self._made_for(shape, method, rule, grant))
        return made[1]

    def _made_for(self, shape: Shape, method: str, rule: Rule, grant: Grant) -> grpc.RpcMethodHandler:
        async def look(raw: bytes, context: Context) -> None:
            if _is_kept(grant) and (why := rule.why_not(grant, raw)):
                refusal = PermissionDeniedError(f"Token {grant.id} {why}.", hint=_WITHIN)
                await self._refuse(method, grant, refusal, context)
            if rule.is_audited:
                self._audit.let_in(method, grant, context)

        async def look_again(context: Context) -> None:
            if self._keyring.find(grant.digest) != grant:
                refusal = UnauthenticatedError(f"Token {grant.id} was revoked.", hint=_NEW)
                await self._refuse(method, grant, refusal, context)
            if grant.is_expired(self._clock()):
                await self._refuse(method, grant, _expired(grant), context)

        caller = Caller(grant.id, grant.experiments) if grant.experiments else None
        return guarded_handler(shape, look=look, look_again=look_again, caller=caller)

    def _refusal(self, method: str, grant: Grant | None, error: PermissionDeniedError) -> grpc.RpcMethodHandler:
        async def refuse(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._refuse(method, grant, error, context)

        # A stream-stream handler serves calls of every shape, and answers without waiting for a request.
        handler: grpc.RpcMethodHandler = grpc.stream_stream_rpc_method_handler(refuse)  # type: ignore[no-untyped-call]  # grpc is not annotated
        return handler

    async def _refuse(self, method: str, grant: Grant | None, error: PermissionDeniedError, context: Context) -> None:
        self._audit.refused(method, grant, context, why=error.message)
        status = to_call_status(error)
        await context.abort(status.code, status.details, status.trailing_metadata)


def _bearer(metadata: tuple[tuple[str, str | bytes], ...]) -> str | None:
    """Return the token that a call carries; ``None`` for none, and an empty one where it is not told clearly."""
    headers = [value for key, value in metadata if key == "authorization"]
    if not headers:
        return None
    if len(headers) > 1:
        return ""
    header = headers[0]
    scheme, _, token = (header if isinstance(header, str) else header.decode("ascii", "replace")).partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _is_kept(grant: Grant) -> bool:
    return bool(grant.experiments or grant.workers)


def _name(method: str) -> str:
    return method.rpartition("/")[2][:60]


def _expired(grant: Grant) -> UnauthenticatedError:
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(grant.expires_at or 0.0))
    return UnauthenticatedError(f"Token {grant.id} has run out, on {at}.", hint=_NEW)
