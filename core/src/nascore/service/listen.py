"""Where a server may listen: never in plain text where other machines reach it, and never over a live socket.

Not here: the syntax of addresses (``nascore.client.address``).
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.client import Address, TcpAddress, UnixAddress
from nascore.client.address import MAX_UNIX_PATH
from nascore.errors import InvalidInputError, StateError

_SOCKET_NAME = "server.sock"


def safe_address(address: Address, *, has_tls: bool, has_token: bool) -> Address:
    """Return where to listen; refuse what others could reach without TLS, and anything without a token.

    A host is resolved once, here, and what counts is what it resolves to: of a name of this machine the IP address that
    was checked is returned, so that nobody can let it mean another one before it is bound.

    Raises:
        InvalidInputError: With the sentence that says how to open it safely.
        UnavailableError: If the host does not resolve.
    """
    if not has_token:
        raise InvalidInputError(
            f"address {address}: a server needs a token, on this machine too.",
            hint="Make one with nascore.service.generate_token().",
        )
    if isinstance(address, UnixAddress):
        if has_tls:
            raise InvalidInputError(
                f"address {address}: a socket of this machine is not spoken to with TLS.",
                hint="Give --address HOST:PORT with a certificate, or leave the certificate out.",
            )
        return address
    found = address.resolve()
    reachable = [ip for ip in found if not is_loopback(ip)]
    if not reachable:
        return TcpAddress(found[0], address.port)
    if not has_tls:
        means = "" if address.host in found else f" (it means {', '.join(reachable[:3])})"
        raise InvalidInputError(
            f"address {address}{means}: other machines could reach it, and without TLS they could read its token.",
            hint="Give a certificate with --tls-cert and --tls-key, or listen at 127.0.0.1:0 and use ssh -L.",
        )
    return address


def is_loopback(ip: str) -> bool:
    """Whether only this machine can reach an IP address; also one of IPv4 that is written as one of IPv6."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def check_port(address: TcpAddress) -> None:
    """Refuse a port that cannot be bound, before gRPC tries: it prints a line of its own, and does not say why.

    Raises:
        StateError: With the system's reason.
    """
    reason = ""
    for ip in address.resolve():
        try:
            with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC does
                probe.bind((ip, address.port))
                return
        except OSError as error:
            reason = error.strerror or str(error)
    raise StateError(
        f"Cannot listen at {address}: {reason}.",
        hint="Choose another port, or end what has it; port 0 takes a free one. Those below 1024 need privileges.",
    )


class SocketPlace:
    """The place of a Unix socket: a path that was asked for, or a fresh 0700 folder, which goes when released.

    Raises:
        InvalidInputError: If the path is taken by something that is no socket, or its folder does not exist.
        StateError: If another process answers at it.
    """

    def __init__(self, asked: UnixAddress) -> None:
        self._folder = "" if asked.path else _fresh_folder()
        self.address = asked if asked.path else UnixAddress(f"{self._folder}/{_SOCKET_NAME}")
        self._path = Path(self.address.path)
        if asked.path:
            _check_folder(self._path)
            _check_free(self._path)

    @contextmanager
    def private(self) -> Iterator[None]:
        """Let the socket that is made in this block be this user's only from its first moment."""
        before = os.umask(0o177)
        try:
            yield
        finally:
            os.umask(before)

    def protect(self) -> None:
        """Let only this user connect; to be called once the socket is there."""
        self._path.chmod(0o600)

    def release(self) -> None:
        """Remove the socket, and the folder if it was made for it."""
        self._path.unlink(missing_ok=True)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _fresh_folder() -> str:
    folder = tempfile.mkdtemp(prefix="nascore-")
    if len(folder) + len(_SOCKET_NAME) + 1 <= MAX_UNIX_PATH and "," not in folder:
        return folder
    # A deep TMPDIR is common on clusters and macOS; the socket's path must stay short. For commas see `UnixAddress`.
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix="nascore-", dir="/tmp")


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise InvalidInputError(f"address unix:{path}: there is no folder {folder}.", hint="Make it first.")
    mode = folder.stat().st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        raise InvalidInputError(
            f"address unix:{path}: other users may write to {folder}, and put a socket of theirs there.",
            hint=f"Use a folder of your own, or `chmod go-w {folder}`; `unix:` alone makes one.",
        )


def _check_free(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise InvalidInputError(
            f"address unix:{path}: something that is no socket is there.", hint="Choose another path, or remove it."
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            _clear(path)
            return
    raise StateError(f"address unix:{path}: another process serves there.", hint="Stop it, or choose another path.")


def _clear(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"address unix:{path}: the socket that is there cannot be removed ({error.strerror}).",
            hint="It may be another user's; choose another path.",
        ) from None
