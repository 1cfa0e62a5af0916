"""Web identity tokens: JSON Web Tokens signed by an OpenID Connect provider.

Owns their form and the check of their signature against the provider's JSON Web Key Set. Which
claims must hold is `services/sts`'s. Pure. Only asymmetric algorithms exist here, each bound to
its kind of key, so that neither `none` nor a public key taken for a shared secret can pass.

Sources: RFC 7515, 7517, 7518; the algorithms are those that STS accepts (STS API reference).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from lambdad.core.value import Value

MAX_TOKEN_BYTES = 20_000
"""STS's own limit of a web identity token."""
MAX_KEYS = 100
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192

_RSA: Mapping[str, hashes.HashAlgorithm] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}
_EC: Mapping[str, tuple[str, ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "ES256": ("P-256", ec.SECP256R1(), hashes.SHA256()),
    "ES384": ("P-384", ec.SECP384R1(), hashes.SHA384()),
    "ES512": ("P-521", ec.SECP521R1(), hashes.SHA512()),
}

JsonWebKey = Mapping[str, Any]


class MalformedToken(ValueError):
    """Not a signed JSON Web Token, or not one that could ever be accepted."""


class WebToken(Value):
    """A token as it claims to be; nothing of it is true until `is_signed_by` says so."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read_token(text: str) -> WebToken:
    """The parts of a token. Raises MalformedToken."""
    parts = text.split(".")
    if len(text) > MAX_TOKEN_BYTES or len(parts) != 3 or not text.isascii():
        raise MalformedToken("not three parts")
    header, claims = _object(parts[0]), _object(parts[1])
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not (algorithm in _RSA or algorithm in _EC):
        raise MalformedToken("an algorithm that is not accepted")
    if "crit" in header or not isinstance(key_id, str | None):
        raise MalformedToken("a header that cannot be honoured")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return WebToken(algorithm, key_id, claims, signed, _bytes(parts[2]))


def read_key_set(text: str | bytes) -> tuple[JsonWebKey, ...]:
    """The keys of a JSON Web Key Set. Raises ValueError where it is none."""
    try:
        read = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    keys = read.get("keys") if isinstance(read, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError("no list of keys")
    return tuple(key for key in keys if isinstance(key, dict))


def has_key_for(token: WebToken, keys: tuple[JsonWebKey, ...]) -> bool:
    """Whether a key set has a key that the token may be signed with."""
    return any(_fits(token, key) for key in keys)


def is_signed_by(token: WebToken, keys: tuple[JsonWebKey, ...]) -> bool:
    """Whether one of the keys made the token's signature."""
    return any(_fits(token, key) and _verifies(token, key) for key in keys)


def _fits(token: WebToken, key: JsonWebKey) -> bool:
    if token.key_id is not None and key.get("kid") != token.key_id:
        return False
    if key.get("use", "sig") != "sig" or key.get("alg", token.algorithm) != token.algorithm:
        return False
    return key.get("kty") == ("RSA" if token.algorithm in _RSA else "EC")


def _verifies(token: WebToken, key: JsonWebKey) -> bool:
    try:
        if token.algorithm in _RSA:
            _rsa_key(key).verify(
                token.signature, token.signed, padding.PKCS1v15(), _RSA[token.algorithm]
            )
        else:
            _verify_ec(token, key)
    except (InvalidSignature, UnsupportedAlgorithm, MalformedToken, ValueError):
        return False
    return True


def _rsa_key(key: JsonWebKey) -> rsa.RSAPublicKey:
    modulus, exponent = _integer(key.get("n")), _integer(key.get("e"))
    if not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise ValueError("a key of a size that is not accepted")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _verify_ec(token: WebToken, key: JsonWebKey) -> None:
    curve_name, curve, digest = _EC[token.algorithm]
    if key.get("crv") != curve_name:
        raise ValueError("a key of another curve")
    size = (curve.key_size + 7) // 8
    if len(token.signature) != 2 * size:
        raise InvalidSignature
    r, s = (
        int.from_bytes(half, "big") for half in (token.signature[:size], token.signature[size:])
    )
    numbers = ec.EllipticCurvePublicNumbers(_integer(key.get("x")), _integer(key.get("y")), curve)
    numbers.public_key().verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(digest))


def _integer(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError("a key without its numbers")
    return int.from_bytes(_bytes(text), "big")


def _object(part: str) -> dict[str, Any]:
    try:
        read = json.loads(_bytes(part))
    except (ValueError, RecursionError) as error:
        raise MalformedToken("not JSON") from error
    if not isinstance(read, dict):
        raise MalformedToken("not an object")
    return read


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedToken("not base64url") from error
