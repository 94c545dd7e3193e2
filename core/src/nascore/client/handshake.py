"""Why a TLS handshake failed, in a sentence: who refused what, and how to mend it.

gRPC says it in OpenSSL's words, and where the other side hung up it says only "Socket closed". For that case one
handshake more is made with Python's own TLS, which shows when the other side hung up.

Not here: making connections (``nascore.client.connection``), and files (``nascore.client.tls``).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import TypeVar

from nascore.client.address import Address, TcpAddress
from nascore.client.tls import ClientTls
from nascore.errors import UnavailableError

_PROBE_S = 2.0
_PIECE = 1 << 16
_HUNG_UP = ("socket closed", "connection reset", "broken pipe", "endpoint closing", "failed to receive")
ResultT = TypeVar("ResultT")
_SELF_SIGNED = ("self signed", "self-signed", "unable to get local issuer", "unable to get issuer")


def handshake_trouble(address: Address, tls: ClientTls | None, details: str) -> UnavailableError | None:
    """Return the error for what gRPC said of a connection that failed; ``None`` if TLS has nothing to do with it."""
    if not isinstance(address, TcpAddress):
        return None
    found = _of_text(tls, details)
    if found is None and "failed to connect" in details and any(word in details.lower() for word in _HUNG_UP):
        found = _of_server(address, tls)
    if found is None:
        return None
    what, remedy = found
    return UnavailableError(f"Cannot reach the server at {address}: {what}", hint=remedy)


def _of_text(tls: ClientTls | None, details: str) -> tuple[str, str] | None:
    text = details.lower()
    if "hostname verification" in text:
        return (
            "its certificate is for another name than this address.",
            "Call it by a name in its certificate (`openssl x509 -noout -ext subjectAltName -in FILE` shows them), "
            "or give it one with this name.",
        )
    if "certificate has expired" in text:
        return "its certificate has expired.", "Renew it on the server, and check the clock of this machine."
    if "not yet valid" in text:
        return "its certificate is not valid yet.", "Check the clock of this machine, and the certificate's dates."
    if any(sign in text for sign in _SELF_SIGNED):
        trusted = "those of this system" if tls is None or tls.roots is None else str(tls.roots)
        return (
            f"its certificate is signed by nobody among the trusted roots ({trusted}).",
            "Name the file with the right root in NASCORE_TLS_ROOTS.",
        )
    if "wrong_version_number" in text:
        return (
            "it speaks plain text, and this client TLS.",
            "Start it with --tls-cert and --tls-key, or unset NASCORE_TLS_ROOTS for a server of this machine.",
        )
    if "handshake" in text or "certificate" in text:
        return f"the TLS handshake failed ({details}).", "Check the certificates of both sides."
    return None


def _of_server(address: TcpAddress, tls: ClientTls | None) -> tuple[str, str] | None:
    """Ask the server itself what it does not like."""
    seen = _seen(address, tls)
    if tls is None and seen is not None:
        return (
            "it speaks TLS, and this client plain text.",
            "Name the file with the server's root certificate in NASCORE_TLS_ROOTS.",
        )
    if tls is None or seen is not _Seen.HUNG_UP:
        return None
    if tls.certificate is None:
        return (
            "it asks its callers for a certificate, and this client has none.",
            "Name yours in NASCORE_TLS_CERT and its key in NASCORE_TLS_KEY.",
        )
    return (
        f"it does not take this client's certificate {tls.certificate}.",
        "Let it be signed by a root that the server was given with --tls-client-roots, and check its dates.",
    )


class _Seen(Enum):
    WELCOMED = "the handshake went well, and the server began to speak"
    HUNG_UP = "the server hung up when it had seen who calls"


def _seen(address: TcpAddress, tls: ClientTls | None) -> _Seen | None:
    """Return how one handshake went; ``None`` if there was none, because the server is away or speaks no TLS."""
    context = _context(tls)
    try:
        with socket.create_connection((address.host, address.port), timeout=_PROBE_S) as plain:
            return _after(_Probe(plain, context, address.host))
    except ssl.SSLError as error:
        return _Seen.HUNG_UP if "ALERT" in (error.reason or "") else None
    except OSError:
        return None


class _Probe:
    """TLS over a socket that stays its owner's: Python leaves one open whose peer hangs up while it is wrapped."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._do(self._tls.do_handshake)

    def read(self) -> bytes:
        """Return the first byte that the server sends."""
        return self._do(partial(self._tls.read, 1))

    def _do(self, step: Callable[[], ResultT]) -> ResultT:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._send()
                if received := self._plain.recv(_PIECE):
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            finally:
                with suppress(OSError):  # It is what the other side did that counts.
                    self._send()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._plain.sendall(self._outgoing.read())


def _after(probe: _Probe) -> _Seen:
    # With TLS 1.3 the caller's side is done before the server looks at its certificate. One that is content sends its
    # settings at once; gRPC's hangs up without a word on one that is not.
    try:
        return _Seen.WELCOMED if probe.read() else _Seen.HUNG_UP
    except TimeoutError:
        return _Seen.WELCOMED
    except OSError:
        return _Seen.HUNG_UP


def _context(tls: ClientTls | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if tls is None or tls.roots is None else str(tls.roots))
    context.check_hostname = False
    if tls is None:
        context.verify_mode = ssl.CERT_NONE  # Nothing is sent over it; it is only asked whether this is TLS at all.
    elif tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    context.set_alpn_protocols(["h2"])
    return context
