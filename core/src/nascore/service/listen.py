"""Where a server may listen: never in plain text where other machines reach it, and never over a live socket.

Not here: the syntax of addresses (``nascore.client.address``).
"""

from __future__ import annotations

import shutil
import socket
import stat
import tempfile
from pathlib import Path

from nascore.client import Address, TcpAddress, UnixAddress
from nascore.client.address import MAX_UNIX_PATH
from nascore.errors import InvalidInputError, StateError

_SOCKET_NAME = "server.sock"


def check_exposure(address: Address, *, has_tls: bool, has_token: bool) -> None:
    """Refuse an address that others could reach without TLS, or any address without a token.

    Raises:
        InvalidInputError: With the sentence that says how to open it safely.
        UnavailableError: If the host does not resolve.
    """
    if not has_token:
        raise InvalidInputError(
            f"address {address}: a server needs a token, on this machine too.",
            hint="Make one with nascore.service.generate_token().",
        )
    if not has_tls and not address.is_loopback():
        raise InvalidInputError(
            f"address {address}: other machines could reach it, and without TLS they could read its token.",
            hint="Give a certificate with --tls-cert and --tls-key, or listen at 127.0.0.1:0 and use ssh -L.",
        )


def bindable(address: TcpAddress) -> TcpAddress:
    """Return the address with a loopback name replaced by its first IP, so that one port is bound and can be told."""
    return TcpAddress(address.resolve()[0], address.port) if address.is_loopback() else address


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
            _check_free(self._path)

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
    if len(folder) + len(_SOCKET_NAME) + 1 <= MAX_UNIX_PATH:
        return folder
    # A deep TMPDIR is common on clusters and macOS; the socket's path must stay short.
    Path(folder).rmdir()
    return tempfile.mkdtemp(prefix="nascore-", dir="/tmp")


def _check_free(path: Path) -> None:
    if not path.parent.is_dir():
        raise InvalidInputError(f"address unix:{path}: there is no folder {path.parent}.", hint="Make it first.")
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
            path.unlink(missing_ok=True)
            return
    raise StateError(f"address unix:{path}: another process serves there.", hint="Stop it, or choose another path.")
