"""Public keys and certificates that users upload, as immutable values.

Nothing of ours takes them for a proof of anything: they are kept for the tools that manage them,
and without a private key, of which only a match with its certificate is ever asked.
"""

from __future__ import annotations

from typing import Any, ClassVar

from lambdad.iam.records import KeyStatus, Named, Record


class SshKey(Record, kw_only=True):
    """An SSH public key of a user."""

    KIND: ClassVar[str] = "ssh-key"
    id: str
    user: str
    body: str
    """As it was sent: OpenSSH's one line, or PEM."""
    fingerprint: str
    """MD5 of the key, in hexadecimal pairs, as AWS and OpenSSH have it."""
    status: KeyStatus
    uploaded_ms: int

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> SshKey:
        return cls(**fields | {"status": KeyStatus(fields["status"])})


class SigningCertificate(Record, kw_only=True):
    """An X.509 certificate of a user."""

    KIND: ClassVar[str] = "signing-certificate"
    id: str
    user: str
    body: str
    """PEM."""
    status: KeyStatus
    uploaded_ms: int

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> SigningCertificate:
        return cls(**fields | {"status": KeyStatus(fields["status"])})


class ServerCertificate(Named, kw_only=True):
    """A certificate for TLS."""

    KIND: ClassVar[str] = "server-certificate"
    ARN_KIND: ClassVar[str] = "server-certificate"
    body: str
    """PEM."""
    chain: str | None = None
    expires_ms: int

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> ServerCertificate:
        tags = tuple((key, value) for key, value in fields.get("tags", ()))
        return cls(**fields | {"tags": tags})
