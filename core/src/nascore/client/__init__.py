"""A synchronous, typed client of a nascore server, with deadlines, retries and tokens.

Not here: the server (``nascore.service``).
"""

from nascore.client.address import Address, TcpAddress, UnixAddress, parse_address
from nascore.client.client import Client
from nascore.client.exchange import RemoteExchange
from nascore.client.experiments import ExperimentCalls
from nascore.client.secret import Secret
from nascore.client.tls import ClientTls
from nascore.client.token import read_token
from nascore.client.trials import TrialCalls
from nascore.client.watch import Change

__all__ = [
    "Address",
    "Change",
    "Client",
    "ClientTls",
    "ExperimentCalls",
    "RemoteExchange",
    "Secret",
    "TcpAddress",
    "TrialCalls",
    "UnixAddress",
    "parse_address",
    "read_token",
]
