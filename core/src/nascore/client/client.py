"""`Client`: one object with all calls to a server, for the CLI, workers and notebooks.

Not here: the calls themselves; they are those of ``ExperimentCalls`` and ``TrialCalls``, taken over as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from nascore.client.address import TcpAddress, UnixAddress, parse_address
from nascore.client.connection import Connection
from nascore.client.experiments import ExperimentCalls
from nascore.client.health import wait_until_serving
from nascore.client.secret import Secret
from nascore.client.tls import ClientTls
from nascore.client.token import check_token, read_token
from nascore.client.trials import TrialCalls
from nascore.errors import InvalidInputError

DEFAULT_PATIENCE_S = 60.0
DEFAULT_TIMEOUT_S = 30.0


class Client:
    """A synchronous, typed client of one server; also a context manager that closes it.

    ``client.get("last")`` and ``client.experiments.get("last")`` are the same call. Thread-safe. Not fork-safe: a
    forked child makes a client of its own.

    Args:
        address: ``unix:/path`` or ``host:port``.
        token: Sent with every call; give either this or ``token_file``.
        token_file: File that holds the token.
        tls: How to speak TLS; needed for every address that is not of this machine.
        timeout_s: Deadline of each try, seconds, beside what the call itself waits for.
        patience_s: Seconds over which an unreachable server is tried again; 0 tries once.

    Attributes:
        experiments: create, get, list, update, delete, get_trial, list_trials, best, enqueue, watch.
        trials: register_space, lease, renew, report, finish, return_lease, samples.

    Raises:
        InvalidInputError: If the address or the token is malformed, or plain text would leave this machine.
        PermissionDeniedError: If the token file cannot be read.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | Secret | None = None,
        token_file: str | Path | None = None,
        tls: ClientTls | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        patience_s: float = DEFAULT_PATIENCE_S,
    ) -> None:
        self._connection = Connection(
            _reachable(address),
            token=_token(token, token_file),
            tls=tls,
            timeout_s=timeout_s,
            patience_s=patience_s,
            read_token=None if token_file is None else partial(read_token, token_file),
        )
        self.experiments = ExperimentCalls(self._connection)
        self.trials = TrialCalls(self._connection)
        self.create = self.experiments.create
        self.get = self.experiments.get
        self.list = self.experiments.list
        self.update = self.experiments.update
        self.delete = self.experiments.delete
        self.get_trial = self.experiments.get_trial
        self.list_trials = self.experiments.list_trials
        self.best = self.experiments.best
        self.enqueue = self.experiments.enqueue
        self.watch = self.experiments.watch
        self.register_space = self.trials.register_space
        self.lease = self.trials.lease
        self.renew = self.trials.renew
        self.report = self.trials.report
        self.finish = self.trials.finish
        self.return_lease = self.trials.return_lease
        self.samples = self.trials.samples

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        patience_s: float = DEFAULT_PATIENCE_S,
    ) -> Self:
        """Return a client of the server that the environment names.

        Reads NASCORE_SERVER, NASCORE_TOKEN_FILE (or NASCORE_TOKEN), and for a server with TLS NASCORE_TLS_ROOTS and,
        where it asks for one, the caller's own NASCORE_TLS_CERT and NASCORE_TLS_KEY.

        Raises:
            InvalidInputError: If NASCORE_SERVER is unset, or as the constructor does.
        """
        address = environ.get("NASCORE_SERVER", "")
        if not address:
            raise InvalidInputError(
                "NASCORE_SERVER is not set, so there is no server to call.",
                hint="`nascore run` and `nascore serve` set it for workers; or give an address.",
            )
        token_file = environ.get("NASCORE_TOKEN_FILE") or None
        return cls(
            address,
            token=None if token_file else environ.get("NASCORE_TOKEN") or None,
            token_file=token_file,
            tls=ClientTls.from_environment(environ),
            timeout_s=timeout_s,
            patience_s=patience_s,
        )

    @property
    def connection(self) -> Connection:
        """What calls of other kinds go through, such as ``nascore.client.live_tables.LiveTableCalls``."""
        return self._connection

    @property
    def address(self) -> str:
        """Address of the server."""
        return str(self._connection.address)

    def wait_until_serving(self, timeout_s: float) -> None:
        """Wait until the server answers that it serves.

        Raises:
            UnavailableError: If it does not within ``timeout_s`` seconds; the message says why.
        """
        wait_until_serving(self._connection, timeout_s)

    def close(self) -> None:
        """End all calls. Closing twice is harmless."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.address!r})"


def _reachable(text: str) -> UnixAddress | TcpAddress:
    address = parse_address(text)
    if not (address.path if isinstance(address, UnixAddress) else address.port):
        raise InvalidInputError(
            f"address {text!r}: a server can be asked to choose, but a client must be told where it is.",
            hint="Give the address that the server printed.",
        )
    return address


def _token(token: str | Secret | None, token_file: str | Path | None) -> Secret | None:
    if token is not None and token_file is not None:
        raise InvalidInputError("token and token_file are both given.", hint="Give one of them.")
    if token_file is not None:
        return read_token(token_file)
    return None if token is None else check_token(token, source="token")
