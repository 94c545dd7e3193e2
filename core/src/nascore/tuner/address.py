"""Addresses of tuners: ``NAME`` (installed), ``exec:COMMAND ARGS`` (a program), ``grpc://HOST:PORT`` (a server).

Addresses come from the operator's command line or configuration, never from a client.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
import socket
from collections.abc import Callable

import grpc

from nascore.errors import InvalidInputError, PermissionDeniedError, TunerCrashedError, UnavailableError
from nascore.tuner.endpoints import Endpoint, ProgramEndpoint, ServerEndpoint, plugin_endpoint
from nascore.tuner.limits import HostLimits
from nascore.tuner.plugins import TUNERS, Plugins
from nascore.tuner.session import History, TunerSession
from nascore.tuner.supervised import SupervisedTuner

_SCHEMES = ("exec", "grpc", "grpcs")
_KNOWN_FORMS = "Give the name of an installed tuner, exec:COMMAND ARGS, or grpc://HOST:PORT."


async def connect(
    address: str,
    *,
    history: History,
    limits: HostLimits | None = None,
    on_trouble: Callable[[str], None],
    insecure: bool = False,
    tls_roots: bytes | None = None,
) -> TunerSession:
    """Return a supervised session with the tuner at an address, after it has said who it is.

    Args:
        address: A name, ``exec:``, ``grpc://`` or ``grpcs://`` (TLS) address.
        history: All that the tuner had taken, in order, whenever it must be rebuilt; or `no_history`.
        limits: Memory, deadlines and patience; see `HostLimits`.
        on_trouble: Told one sentence for every death, divergence and quarantine.
        insecure: Allow ``grpc://`` to another machine without TLS.
        tls_roots: Certificates (PEM) to trust for ``grpcs://``; those of the system by default.

    Raises:
        InvalidInputError: If the address is malformed; with the nearest right form.
        NotFoundError: If no tuner of that name is installed.
        PermissionDeniedError: If it is on another machine, without TLS.
        PluginError: If it cannot be started or does not greet.
        UnavailableError: If nothing answers at a ``grpc://`` address.
        TunerCrashedError: If a program that was started does not answer.
    """
    found = endpoint(address, insecure=insecure, tls_roots=tls_roots)
    session = SupervisedTuner(found, history=history, limits=limits or HostLimits(), on_trouble=on_trouble)
    try:
        await session.describe()
    except TunerCrashedError as error:
        await session.close()
        if isinstance(found, ServerEndpoint) and isinstance(error.__cause__, UnavailableError):
            raise UnavailableError(
                f"No tuner answers at {address}: {error.__cause__.message}",
                hint="Start the tuner there, or mend the address.",
            ) from error
        raise
    except BaseException:
        await session.close()
        raise
    return session


def endpoint(address: str, *, insecure: bool = False, tls_roots: bytes | None = None) -> Endpoint:
    """Return where the tuner at an address comes from; errors as in `connect`."""
    scheme, separator, rest = address.partition(":")
    if not separator:
        Plugins(TUNERS).require(address)
        return plugin_endpoint(address)
    if scheme == "exec":
        return _program(rest)
    if scheme in ("grpc", "grpcs"):
        return _server(address, is_tls=scheme == "grpcs", insecure=insecure, tls_roots=tls_roots)
    close = difflib.get_close_matches(scheme.lower(), _SCHEMES, n=1)
    guess = f"Did you mean {close[0]}:{rest}? " if close else ""
    raise InvalidInputError(f"{address!r} has the unknown form {scheme!r}.", hint=guess + _KNOWN_FORMS)


def _program(text: str) -> ProgramEndpoint:
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInputError(f"exec:{text} cannot be split into words: {error}.", hint="Check its quotes.") from None
    if not command:
        raise InvalidInputError("exec: names no program.", hint="Write exec:COMMAND ARGS, such as exec:./tuner --fast.")
    return ProgramEndpoint(f"exec:{text}", command)


def _server(address: str, *, is_tls: bool, insecure: bool, tls_roots: bytes | None) -> ServerEndpoint:
    parts = re.fullmatch(r"grpcs?://(\[[^\]]+\]|[^/:\[\]@]+):(\d{1,5})/?", address)
    if parts is None or not 0 < int(parts[2]) < 65536:
        raise InvalidInputError(f"{address!r} is not of the form grpc://HOST:PORT.", hint=_KNOWN_FORMS)
    target = f"{parts[1]}:{parts[2]}"
    if is_tls:
        credentials = grpc.ssl_channel_credentials(tls_roots)  # type: ignore[no-untyped-call]  # grpc is untyped
        return ServerEndpoint(address, target, credentials)
    if not insecure and not _is_loopback(parts[1]):
        raise PermissionDeniedError(
            f"{address} is another machine, and grpc:// is not encrypted.",
            hint="Use grpcs://, or allow it with insecure (--insecure on the command line).",
        )
    return ServerEndpoint(address, target)


def _is_loopback(host: str) -> bool:
    """Whether every address that a host means is of this machine: a name is worth what it resolves to."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)
