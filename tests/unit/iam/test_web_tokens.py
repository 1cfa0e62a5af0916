"""iam/web_tokens.py: the attacks on JSON Web Tokens, and the algorithms that are accepted."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from lambdad.iam.web_tokens import (
    MAX_TOKEN_BYTES,
    MalformedToken,
    is_signed_by,
    read_key_set,
    read_token,
)
from support.issuer import EC_KEY, RSA_KEY, ec_jwk, encode, key_set, rsa_jwk, sign, token

CLAIMS = {"sub": "ann"}
KEYS = read_key_set(key_set())


def accepted(text: str, *keys: dict[str, Any]) -> bool:
    return is_signed_by(read_token(text), read_key_set(key_set(*keys)) if keys else KEYS)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_rsa(algorithm: str) -> None:
    assert accepted(token(CLAIMS, algorithm))
    assert read_token(token(CLAIMS, algorithm)).claims == CLAIMS


@pytest.mark.parametrize(
    ("algorithm", "curve"),
    [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())],
)
def test_elliptic_curves(algorithm: str, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    assert accepted(token(CLAIMS, algorithm, key), ec_jwk(key))
    assert not accepted(token(CLAIMS, algorithm, key), ec_jwk())


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "PS256", "", None, 7, ["RS256"]])
def test_other_algorithms_are_not_even_tried(algorithm: Any) -> None:
    with pytest.raises(MalformedToken):
        read_token(token(CLAIMS, header={"alg": algorithm}))


def test_a_public_key_is_not_a_shared_secret() -> None:
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = encode(json.dumps({"alg": "HS256", "kid": "rsa"}).encode())
    signed = f"{head}.{encode(json.dumps(CLAIMS).encode())}"
    forged = f"{signed}.{encode(hmac.digest(pem, signed.encode(), 'sha256'))}"
    with pytest.raises(MalformedToken):
        read_token(forged)


def test_an_algorithm_of_the_other_kind_of_key() -> None:
    assert not accepted(token(CLAIMS, "ES256", header={"kid": "rsa"}))
    assert not accepted(token(CLAIMS, "RS256", header={"kid": "ec"}))


def test_the_key_must_be_meant_for_it() -> None:
    good = token(CLAIMS)
    assert accepted(good, rsa_jwk(use="sig", alg="RS256"))
    assert not accepted(good, rsa_jwk(use="enc"))
    assert not accepted(good, rsa_jwk(alg="RS512"))
    assert not accepted(good, rsa_jwk(kid="other"))
    assert not accepted(good, rsa_jwk(rsa.generate_private_key(65537, 2048)))


def test_a_token_without_a_key_id_tries_all() -> None:
    text = token(CLAIMS, header={"kid": None})
    assert accepted(text, rsa_jwk(rsa.generate_private_key(65537, 2048)), rsa_jwk())


def test_small_and_broken_keys_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024)
    assert not accepted(token(CLAIMS, key=small), rsa_jwk(small))
    for broken in (
        rsa_jwk(n=None),
        rsa_jwk(n="!"),
        rsa_jwk(e="AA"),
        rsa_jwk(n="AQ" * 2000),
        {"kty": "RSA", "kid": "rsa"},
    ):
        assert not accepted(token(CLAIMS), broken)
    for off_curve in (ec_jwk(x="AQ", y="AQ"), ec_jwk(crv="P-384"), ec_jwk(x=1)):
        assert not accepted(token(CLAIMS, "ES256"), off_curve)


def test_headers_that_cannot_be_honoured() -> None:
    for header in ({"crit": ["exp"]}, {"kid": 5}):
        with pytest.raises(MalformedToken):
            read_token(token(CLAIMS, header=header))


def test_keys_that_the_token_brings_itself_count_for_nothing() -> None:
    own = rsa.generate_private_key(65537, 2048)
    forged = token(CLAIMS, key=own, header={"jwk": rsa_jwk(own), "jku": "https://evil.example"})
    assert not accepted(forged)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_every_character_counts(algorithm: str) -> None:
    text = token(CLAIMS, algorithm)
    for at in range(0, len(text), 3):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        try:
            # The last characters of base64 hold unused bits: another spelling of the same bytes.
            read = read_token(changed)
            same = read_token(text)
            spelled = (read.signed, read.signature) == (same.signed, same.signature)
            assert spelled or not is_signed_by(read, KEYS)
        except MalformedToken:
            pass


def test_a_signature_in_der_or_of_zeros_is_none() -> None:
    head, claims, _ = token(CLAIMS, "ES256").split(".")
    signed = f"{head}.{claims}".encode()
    der = EC_KEY.sign(signed, ec.ECDSA(hashes.SHA256()))
    for signature in (der, bytes(64), b"", sign(signed, "ES256")[:63]):
        assert not accepted(f"{head}.{claims}.{encode(signature)}")


@given(st.text(max_size=200) | st.lists(st.text(max_size=20), max_size=5).map(".".join))
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedToken):
        read_token(text)


def test_bounds() -> None:
    with pytest.raises(MalformedToken):
        read_token(token({"x": "y" * MAX_TOKEN_BYTES}))
    deep = encode(b"[" * 8000)
    with pytest.raises(MalformedToken):
        read_token(f"{deep}.{deep}.AA")
    for text in ("[]", "{}", '{"keys": {}}', "x", "[" * 100_000, json.dumps({"keys": [{}] * 101})):
        with pytest.raises(ValueError):
            read_key_set(text)
    assert read_key_set('{"keys": [1, {}]}') == ({},)
