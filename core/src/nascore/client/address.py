"""Addresses of servers: ``unix:/path`` and ``host:port``, read, checked and written in one place.

Not here: whether a server may listen at one (``nascore.service.listen``), and TLS (``nascore.client.tls``).
Source for the target syntax: https://github.com/grpc/grpc/blob/master/doc/naming.md.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from urllib.parse import quote

from nascore.errors import InvalidInputError, UnavailableError

MAX_UNIX_PATH = 107
"""Bytes that fit into ``sockaddr_un.sun_path`` on Linux, less the closing zero."""

_FORMS = "An address is unix:/path, host:port or [ipv6]:port, for example 127.0.0.1:8470."


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system; an empty path asks a server for a fresh one.

    Raises:
        InvalidInputError: If the path is relative, too long for the system, or holds a zero byte or a comma.
    """

    path: str

    def __post_init__(self) -> None:
        length = len(os.fsencode(self.path))
        if length > MAX_UNIX_PATH:
            raise InvalidInputError(
                f"address unix:{self.path}: the path has {length} bytes, at most {MAX_UNIX_PATH} fit.",
                hint="Put the socket into a folder with a short name, for example below /tmp.",
            )
        if "," in self.path:
            # It would listen there, and never be found: a client of gRPC reads a comma as the end of one address.
            raise InvalidInputError(
                f"address unix:{self.path}: gRPC cannot connect to a path with a comma.",
                hint="Put the socket into a folder without one in its name, for example below /tmp.",
            )
        if "\0" in self.path or self.path.startswith("//") or (self.path and not self.path.startswith("/")):
            raise InvalidInputError(
                f"address {'unix:' + self.path!r}: the path must be absolute.", hint="Write unix:/folder/name.sock."
            )

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def target(self) -> str:
        """The name that gRPC knows it by: a URI, so spaces and percent signs are escaped."""
        return f"unix:{quote(self.path)}"

    def is_loopback(self) -> bool:
        """Whether only this machine can reach it: always."""
        return True


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host (a name, or an IP address without brackets) and a port; port 0 asks a server for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def target(self) -> str:
        """The name that gRPC knows it by."""
        return str(self)

    def is_loopback(self) -> bool:
        """Whether only this machine can reach it: every address that the host resolves to is a loopback one.

        Raises:
            UnavailableError: If the host does not resolve.
        """
        return all(ipaddress.ip_address(found).is_loopback for found in self.resolve())

    def resolve(self) -> tuple[str, ...]:
        """Return the IP addresses of the host, in the system's order.

        Raises:
            UnavailableError: If the host does not resolve.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnavailableError(
                f"address {self}: the host {self.host!r} cannot be resolved ({error}).",
                hint="Check the spelling, or write its IP address.",
            ) from None
        return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


Address = UnixAddress | TcpAddress


def parse_address(text: str) -> Address:
    """Return the address that ``text`` names.

    Raises:
        InvalidInputError: If it is malformed; the message says what is wrong and how it is written.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return UnixAddress(path[2:] if path.startswith("///") else path)
    if "://" in text:
        bare = text.partition("://")[2]
        raise InvalidInputError(f"address {text!r}: no scheme belongs here.", hint=f"Write {bare or 'host:port'}.")
    host, port = _split(text)
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise InvalidInputError(f"address {text!r}: the port {port!r} is not within 0 and 65535.", hint=_FORMS)
    return TcpAddress(host, int(port))


def _split(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1], text), port
    if not colon or not host or ":" in host:
        raise InvalidInputError(f"address {text!r}: this is not host:port.", hint=_FORMS)
    if any(not character.isprintable() or character in " /@#?%*" for character in host):
        raise InvalidInputError(f"address {text!r}: the host {host!r} has characters no host has.", hint=_FORMS)
    return host, port


def _ipv6(host: str, text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError as error:
        raise InvalidInputError(f"address {text!r}: not an IPv6 address in brackets ({error}).", hint=_FORMS) from None
