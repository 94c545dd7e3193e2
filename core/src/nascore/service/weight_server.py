"""A server of weights alone, so that a store can live on a machine of its own.

Not here: signals and the command line; experiments (``nascore.service.server``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nascore.client.secret import Secret
from nascore.service.server import Server
from nascore.service.tls import ServerTls
from nascore.service.tokens import TokenFile
from nascore.weights.indexed import IndexedStore

_GRACE_S = 3.0


@asynccontextmanager
async def serve_weights(
    store: IndexedStore,
    *,
    address: str,
    token: str | Secret,
    token_file: TokenFile | None = None,
    tls: ServerTls | None = None,
    data_port: int | None = 0,
    grace_s: float = _GRACE_S,
) -> AsyncIterator[Server]:
    """Serve a store until the block is left; ``server.address`` is where.

    Args:
        store: What is served; it stays the caller's to close, afterwards.
        address: ``unix:`` (a socket in a fresh 0700 folder), ``unix:/path`` or ``host:port`` (port 0: a free one).
        token: Allows everything until the server ends.
        token_file: The tokens that an operator made; changes count at once. ``None`` for none.
        tls: Certificate and key; needed where other machines can reach the address.
        data_port: Where direct connections come in, at the same host; 0: a free port, ``None``: nowhere.
        grace_s: Seconds in which calls at work may finish when the block is left.

    Raises:
        InvalidInputError: The address or the token is malformed, or the address is exposed without TLS.
        StateError: The address is in use.
    """
    server = Server(
        None, address=address, token=token, token_file=token_file, tls=tls, weights=store, data_port=data_port
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop(grace_s)
