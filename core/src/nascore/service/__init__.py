"""The gRPC server of experiments: servicers, token, addresses and TLS.

Not here: the client (``nascore.client``) and the engine (``nascore.experiment``).
"""

from nascore.service.auth import generate_token, write_token
from nascore.service.server import Server, loop_factory
from nascore.service.tls import ServerTls

__all__ = ["Server", "ServerTls", "generate_token", "loop_factory", "write_token"]
