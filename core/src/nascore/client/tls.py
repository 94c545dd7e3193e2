"""TLS as a caller sets it up, from PEM files.

Not here: the server's side (``nascore.service.tls``), which reads its files through ``read_pem`` too.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc

from nascore.errors import InvalidInputError

MAX_PEM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ClientTls:
    """What a caller trusts, and who it is.

    Attributes:
        roots: File with the certificates that it trusts; ``None`` for those of the system.
        certificate: File with its own certificate chain, where the server asks for one (mTLS).
        key: File with the key of that certificate.

    Raises:
        InvalidInputError: If only one of certificate and key is given.
    """

    roots: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise InvalidInputError(
                "tls: a certificate and its key come together; one of them is missing.",
                hint="Set both NASCORE_TLS_CERT and NASCORE_TLS_KEY, or neither.",
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self | None:
        """Return what NASCORE_TLS_ROOTS, NASCORE_TLS_CERT and NASCORE_TLS_KEY name; ``None`` if none is set.

        Raises:
            InvalidInputError: If only one of certificate and key is named.
        """
        roots, certificate, key = (
            Path(name) if (name := environ.get(variable)) else None
            for variable in ("NASCORE_TLS_ROOTS", "NASCORE_TLS_CERT", "NASCORE_TLS_KEY")
        )
        return cls(roots, certificate, key) if roots or certificate or key else None

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the credentials of a channel.

        Raises:
            InvalidInputError: If a file cannot be read, is not PEM, or key and certificate do not belong together.
        """
        if self.certificate is not None and self.key is not None:
            check_pair(self.certificate, self.key)
        credentials: grpc.ChannelCredentials = grpc.ssl_channel_credentials(  # type: ignore[no-untyped-call]  # grpc is not annotated
            root_certificates=None if self.roots is None else read_pem(self.roots, "CERTIFICATE"),
            private_key=None if self.key is None else read_pem(self.key, "PRIVATE KEY"),
            certificate_chain=None if self.certificate is None else read_pem(self.certificate, "CERTIFICATE"),
        )
        return credentials

    def context(self) -> ssl.SSLContext:
        """Return the same for sockets without gRPC; raises as `credentials` does."""
        if self.roots is not None:
            read_pem(self.roots, "CERTIFICATE")
        context = ssl.create_default_context(cafile=self.roots)
        # From Python 3.13 on it is stricter than gRPC, which has reached the same server with the same certificates.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.certificate is not None and self.key is not None:
            check_pair(self.certificate, self.key)
            context.load_cert_chain(self.certificate, self.key)
        return context


def read_pem(path: Path, label: str) -> bytes:
    """Return the bytes of a PEM file that holds a block of the given label.

    Raises:
        InvalidInputError: If it cannot be read, is over 1 MiB, or has no such block.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"tls: {path} cannot be read ({error.strerror}).") from None
    if len(content) > MAX_PEM_BYTES or f"{label}-----".encode() not in content:
        raise InvalidInputError(
            f"tls: {path} holds no PEM block of kind {label}.",
            hint="Give a text file that begins with -----BEGIN; convert DER files with openssl.",
        )
    return content


def check_pair(certificate: Path, key: Path) -> None:
    """Refuse a certificate and a key that gRPC would take and then fail each handshake with, without a word.

    Raises:
        InvalidInputError: If they do not belong together, or the key has a passphrase.
    """
    read_pem(certificate, "CERTIFICATE")
    read_pem(key, "PRIVATE KEY")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInputError(
            f"tls: {certificate} and {key} cannot be used ({error}).",
            hint="The key must belong to the certificate and have no passphrase.",
        ) from None


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")
