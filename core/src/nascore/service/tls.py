"""TLS as a server sets it up, from PEM files.

Not here: the caller's side (``nascore.client.ClientTls``).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from nascore.client.tls import check_pair, read_pem


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Who the server is, and whom it lets in.

    Attributes:
        certificate: File with its certificate chain.
        key: File with the key of that certificate, without a passphrase.
        client_roots: File with the roots of its callers' certificates; with it every caller needs one (mTLS).
    """

    certificate: Path
    key: Path
    client_roots: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Return the credentials of a port.

        Raises:
            InvalidInputError: If a file cannot be read, is not PEM, or key and certificate do not belong together.
        """
        chain, key = read_pem(self.certificate, "CERTIFICATE"), read_pem(self.key, "PRIVATE KEY")
        roots = None if self.client_roots is None else read_pem(self.client_roots, "CERTIFICATE")
        check_pair(self.certificate, self.key)
        credentials: grpc.ServerCredentials = grpc.ssl_server_credentials(  # type: ignore[no-untyped-call]  # grpc is not annotated
            [(key, chain)], root_certificates=roots, require_client_auth=self.client_roots is not None
        )
        return credentials

    def context(self) -> ssl.SSLContext:
        """Return the same for sockets without gRPC; raises as `credentials` does."""
        check_pair(self.certificate, self.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if self.client_roots is not None:
            read_pem(self.client_roots, "CERTIFICATE")
            context.load_verify_locations(self.client_roots)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
