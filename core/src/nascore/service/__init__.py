"""The gRPC server of experiments: servicers, token, addresses and TLS.

Not here: the client (``nascore.client``) and the engine (``nascore.experiment``).
"""

from nascore.service.grants import Grant, Scope, generate_token, make_grant
from nascore.service.privatefile import write_token
from nascore.service.server import Server
from nascore.service.tls import ServerTls
from nascore.service.tokens import TOKENS_NAME, TokenFile

__all__ = [
    "TOKENS_NAME",
    "Grant",
    "Scope",
    "Server",
    "ServerTls",
    "TokenFile",
    "generate_token",
    "make_grant",
    "write_token",
]
