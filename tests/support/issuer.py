"""An OpenID Connect issuer for tests: keys, tokens, and an HTTPS server that publishes them."""

from __future__ import annotations

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey = RSA_KEY, **members: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": "rsa", "n": number(public.n), "e": number(public.e)} | members


def ec_jwk(key: ec.EllipticCurvePrivateKey = EC_KEY, **members: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8
    curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
    x, y = (encode(each.to_bytes(size, "big")) for each in (public.x, public.y))
    return {"kty": "EC", "kid": "ec", "crv": curve, "x": x, "y": y} | members


def key_set(*keys: Mapping[str, Any]) -> str:
    return json.dumps({"keys": list(keys or (rsa_jwk(), ec_jwk()))})


def token(
    claims: Mapping[str, Any],
    algorithm: str = "RS256",
    key: Any = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """A signed token."""
    kid = "rsa" if algorithm.startswith("RS") else "ec"
    head = {"alg": algorithm, "typ": "JWT", "kid": kid} | dict(header or {})
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(sign(signed.encode(), algorithm, key))}"


def sign(signed: bytes, algorithm: str, key: Any = None) -> bytes:
    digest = _HASHES[algorithm[2:]]
    if algorithm.startswith("RS"):
        made: bytes = (key or RSA_KEY).sign(signed, padding.PKCS1v15(), digest)
        return made
    private = key or EC_KEY
    size = (private.curve.key_size + 7) // 8
    halves = decode_dss_signature(private.sign(signed, ec.ECDSA(digest)))
    return b"".join(half.to_bytes(size, "big") for half in halves)


class Issuer:
    """A running issuer; `pages` may be changed."""

    def __init__(self, url: str, thumbprint: str) -> None:
        self.url = url
        """Without `https://`, as providers are named."""
        self.thumbprint = thumbprint
        self.asked: list[str] = []
        self.pages: dict[str, tuple[int, bytes]] = {
            "/.well-known/openid-configuration": (
                200,
                json.dumps(
                    {"issuer": f"https://{url}", "jwks_uri": f"https://{url}/keys"}
                ).encode(),
            ),
            "/keys": (200, key_set().encode()),
        }


@contextmanager
def running_issuer(folder: Path) -> Iterator[Issuer]:
    """An issuer on loopback with a certificate that nobody vouches for."""
    issuer = Issuer("", "")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            status, body = issuer.pages.get(self.path, (404, b""))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/keys")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"127.0.0.1:{server.server_port}", _secure(server, folder))
    issuer.url, issuer.thumbprint, issuer.pages = made.url, made.thumbprint, made.pages
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _secure(server: http.server.HTTPServer, folder: Path) -> str:
    """Give the server a certificate; its SHA-1 thumbprint."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(EC_KEY.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(EC_KEY, hashes.SHA256())
    )
    pem = folder / "issuer.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + EC_KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
