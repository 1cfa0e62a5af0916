"""What a server answers TLS with, and where a data directory keeps its own certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value


class TlsFiles(Value):
    """Where `make_authority` puts things."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and up. Raises OperatorError if the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["http/1.1"])
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(
            f"--tls-cert {certificate} and --tls-key {key} cannot be used "
            f"({error.strerror or error}). They have to be PEM files that belong together."
        ) from None
    return context
