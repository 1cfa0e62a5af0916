"""A certificate authority of one's own, for machines without certificates.

The CA is one that only this data directory holds; the server certificate is signed by it. Private
keys are files of mode 0600. Apart from `tls`, for a server needs none of this to start.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lambdad.core.errors import OperatorError
from lambdad.server.tls import TlsFiles

_CA_DAYS = 3650
_SERVER_DAYS = 397
"""What clients accept at most of a server's certificate."""
_CLOCK_SLACK = timedelta(minutes=5)
Key = ec.EllipticCurvePrivateKey


def make_authority(files: TlsFiles, names: list[str], now: datetime) -> bool:
    """A server certificate for DNS names and addresses, of a CA that is made if there is none.
    Whether the CA is new. Raises OperatorError."""
    try:
        files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = not files.ca.exists()
        if fresh:
            key, ca = _make_ca(now)
            _write(files.ca_key, _private(key), 0o600)
            _write(files.ca, _public(ca), 0o644)
        ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
        ca_key = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
        assert isinstance(ca_key, Key)
        key, certificate = _make_server(ca, ca_key, names, now)
        _write(files.key, _private(key), 0o600)
        _write(files.certificate, _public(certificate) + _public(ca), 0o644)
    except OSError as error:
        raise OperatorError(f"{error.filename} cannot be used ({error.strerror}).") from None
    return fresh


def _make_ca(now: datetime) -> tuple[Key, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lambdad local CA")])
    builder = _builder(name, name, key, now, _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return key, builder.sign(key, hashes.SHA256())


def _make_server(
    ca: x509.Certificate, ca_key: Key, names: list[str], now: datetime
) -> tuple[Key, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lambdad")])
    builder = _builder(subject, ca.subject, key, now, _SERVER_DAYS)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_alternative(name) for name in names]), False),
        (issuer, False),
    ):
        builder = builder.add_extension(extension, critical)
    return key, builder.sign(ca_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _CLOCK_SLACK)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(fd, "wb") as file:
        file.write(content)
    fresh.rename(path)
