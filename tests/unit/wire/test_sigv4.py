"""wire/sigv4.py and signing.py against botocore: what it signs holds, anything else does not."""

from __future__ import annotations

import datetime
import random
import string
from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.value import replace
from lambdad.wire.canonical import canonical_path, canonical_query
from lambdad.wire.http import Request
from lambdad.wire.signing import Signer, SigningCredentials
from lambdad.wire.sigv4 import Flaw, SignatureError, Verifier, read_signature, stamp

NOW = datetime.datetime(2026, 3, 14, 15, 9, 26, tzinfo=datetime.UTC)
NOW_S = NOW.timestamp()
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_value = st.text(string.ascii_letters + string.digits + "  :/=,;+*\t", max_size=20)
_names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=8)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, str, dict[str, str], bytes]:
    """Method, path, query, headers and body as botocore's serialisers make them."""
    path = "/" + "/".join(quote(draw(_text), safe="~") for _ in range(draw(st.integers(0, 4))))
    names_of_query = _text.filter(lambda name: not name.startswith("X-Amz-"))
    pairs = draw(st.lists(st.tuples(names_of_query, _text), max_size=4))
    query = urlencode(pairs, quote_via=quote, safe="~")
    names = draw(st.lists(_names, max_size=4, unique=True))
    headers = {f"x-amz-t-{name}": draw(_value).strip() for name in names}
    method = draw(st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]))
    return method, path, query, headers, draw(st.binary(max_size=200))


def signed_by_botocore(
    parts: tuple[str, str, str, dict[str, str], bytes],
    auth: type[Any],
    service: str,
    token: str | None = None,
) -> Request:
    """The request as it would go over the wire."""
    method, path, query, headers, body = parts
    if issubclass(auth, SigV4QueryAuth):
        body = b""  # botocore moves bodies of presigned requests into the query.
    url = f"http://localhost:4566{path}" + (f"?{query}" if query else "")
    asked = AWSRequest(method=method, url=url, data=body, headers=headers)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=NOW):
        auth(Credentials(KEY, SECRET, token), service, "eu-west-1").add_auth(asked)
    _, _, rest = asked.url.partition("://")
    _, slash, target = rest.partition("/")
    path, _, query = (slash + target).partition("?")
    sent = {"host": "localhost:4566"}
    sent |= {name.lower(): value for name, value in asked.headers.items()}
    return Request(method, path, query, sent, body)


def check(request: Request, service: str, now_s: float = NOW_S, secret: str = SECRET) -> None:
    signature = read_signature(request)
    if signature.access_key_id != KEY:
        raise SignatureError(Flaw.MISMATCH, "unknown key")
    Verifier().verify(request, signature, secret, service, now_s)


AUTHS = [
    (SigV4Auth, "lambda"),
    (S3SigV4Auth, "s3"),
    (SigV4QueryAuth, "lambda"),
    (S3SigV4QueryAuth, "s3"),
]


def test_botocore_reads_the_time_where_it_is_replaced() -> None:
    assert botocore.auth.get_current_datetime is get_current_datetime


@pytest.mark.parametrize(("auth", "service"), AUTHS)
@settings(max_examples=150)
@given(parts=requests(), token=st.sampled_from([None, "IQoJ//token+="]))
def test_what_botocore_signs_holds(
    auth: type[Any], service: str, parts: Any, token: str | None
) -> None:
    request = signed_by_botocore(parts, auth, service, token)
    check(request, service)
    assert read_signature(request).token == token


@pytest.mark.parametrize(("auth", "service"), AUTHS)
@settings(max_examples=150)
@given(parts=requests(), seed=st.integers(0, 2**32))
def test_any_change_of_meaning_breaks_it(
    auth: type[Any], service: str, parts: Any, seed: int
) -> None:
    request = signed_by_botocore(parts, auth, service)
    changed = _tampered(request, random.Random(seed), service)
    if changed is None:
        return
    with pytest.raises(SignatureError):
        check(changed, service)


def _tampered(request: Request, rng: random.Random, service: str) -> Request | None:
    """The request with one byte of what is signed changed; None if the change means nothing."""
    headers = dict(request.headers)
    presigned = "authorization" not in headers
    signed = read_signature(request).signed_headers.split(";")
    unsigned_body = presigned and service == "s3"
    places = ["method", "path", "query", "header", *([] if unsigned_body else ["body"])]
    place = rng.choice(places)
    if place == "method":
        return replace(request, method=_flip(request.method, rng))
    if place == "path":
        path = "/" + _flip(request.path[1:] or "x", rng)
        if canonical_path(path, service) == canonical_path(request.path, service):
            return None
        return replace(request, path=path)
    if place == "query":
        query = _flip(request.query, rng) if request.query else "a=b"
        if canonical_query(query) == canonical_query(request.query) and (
            "X-Amz-Signature" not in query or query.endswith(request.query[-64:])
        ):
            return None
        return replace(request, query=query)
    if place == "header":
        name = rng.choice(signed)
        if not headers.get(name):
            return None
        headers[name] = _flip(headers[name], rng)
        if headers[name].split() == request.headers[name].split():
            return None
        return replace(request, headers=headers)
    body = bytearray(request.body or b"x")
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return replace(request, body=bytes(body))


def _flip(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    other = rng.choice([c for c in string.ascii_letters + string.digits if c != text[at]])
    return text[:at] + other + text[at + 1 :]


@pytest.mark.parametrize("service", ["lambda", "s3"])
@settings(max_examples=100)
@given(parts=requests(), token=st.sampled_from([None, "token/+="]))
def test_our_own_signatures_are_botocores(service: str, parts: Any, token: str | None) -> None:
    method, path, query, headers, body = parts
    theirs = signed_by_botocore(
        parts, S3SigV4Auth if service == "s3" else SigV4Auth, service, token
    )
    signer = Signer(SigningCredentials(KEY, SECRET, token), "eu-west-1", service)
    bare = Request(method, path, query, {"host": "localhost:4566", **headers}, body)
    names = read_signature(theirs).signed_headers.split(";")
    present = {n: v for n, v in bare.headers.items() if n in names}
    ours = signer.sign(replace(bare, headers=present), NOW_S)
    assert ours["authorization"] == theirs.headers["authorization"]


@pytest.mark.parametrize("service", ["lambda", "s3"])
@settings(max_examples=50)
@given(parts=requests(), token=st.sampled_from([None, "token/+="]))
def test_our_presigned_urls_hold_until_they_expire(
    service: str, parts: Any, token: str | None
) -> None:
    method, path, query, _, body = parts
    bare = Request(method, path, query, {"host": "h"}, body)
    signer = Signer(SigningCredentials(KEY, SECRET, token), "eu-west-1", service)
    signed = replace(bare, query=signer.presign(bare, NOW_S, 60))
    check(signed, service, NOW_S + 60)
    with pytest.raises(SignatureError) as caught:
        check(signed, service, NOW_S + 61)
    assert caught.value.flaw is Flaw.EXPIRED


PLAIN = ("GET", "/2015-03-31/functions/", "", {}, b"")


def refusal(request: Request, service: str = "lambda", now_s: float = NOW_S) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        check(request, service, now_s)
    return caught.value


def with_headers(request: Request, **headers: str | None) -> Request:
    changed: dict[str, str | None] = {**request.headers}
    changed |= {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in changed.items() if value is not None}
    return replace(request, headers=kept)


def test_unsigned() -> None:
    assert refusal(Request("GET", "/", "", {"host": "h"})).flaw is Flaw.MISSING


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Bearer abc", "Invalid key=value pair (missing equal-sign)"),
        ("AWS4-HMAC-SHA256", "Authorization header requires 'Credential' parameter. "),
        ("AWS4-HMAC-SHA256 Credential=a/b", "requires 'SignedHeaders' parameter."),
        (
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            "AWS4-ECDSA-P256-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
        ),
    ],
)
def test_malformed_headers_are_explained(header: str, text: str) -> None:
    request = Request("GET", "/", "", {"host": "h", "authorization": header, "x-amz-date": "x"})
    error = refusal(request)
    assert error.flaw is Flaw.INCOMPLETE
    assert text in error.message


def test_a_header_in_another_order_is_read_all_the_same() -> None:
    request = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    shuffled = f"{algorithm} {','.join(reversed(rest.split(', ')))}"
    check(with_headers(request, authorization=shuffled), "lambda")


def test_the_wrong_secret_and_the_wrong_service() -> None:
    request = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    with pytest.raises(SignatureError) as caught:
        check(request, "lambda", secret=SECRET + "x")
    assert caught.value.flaw is Flaw.MISMATCH
    assert "does not match the signature you provided" in caught.value.message
    error = refusal(request, "logs")
    assert error.flaw is Flaw.SCOPE
    assert error.message == "Credential should be scoped to correct service: 'logs'. "


@pytest.mark.parametrize(("service", "auth", "skew_s"), [
    ("lambda", SigV4Auth, 300), ("s3", S3SigV4Auth, 900),
])  # fmt: skip
def test_clock_skew(service: str, auth: type[Any], skew_s: int) -> None:
    request = signed_by_botocore(PLAIN, auth, service)
    check(request, service, NOW_S + skew_s)
    check(request, service, NOW_S - skew_s)
    late = refusal(request, service, NOW_S + skew_s + 1)
    assert late.flaw is Flaw.SKEWED
    assert late.message == (
        f"Signature expired: 20260314T150926Z is now earlier than {stamp(NOW_S + 1)} "
        f"({stamp(NOW_S + skew_s + 1)} - {skew_s // 60} min.)"
    )
    early = refusal(request, service, NOW_S - skew_s - 1)
    assert early.message.startswith("Signature not yet current: 20260314T150926Z is still later")


@pytest.mark.parametrize("name", ["x-amz-target", "x-amz-security-token", "x-amz-invocation-type"])
def test_headers_that_decide_must_be_signed(name: str) -> None:
    request = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    added = replace(request, headers={**request.headers, name: "x"})
    assert refusal(added).flaw is Flaw.UNSIGNED_HEADERS


def test_the_host_must_be_signed() -> None:
    request = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    without = request.headers["authorization"].replace("host;", "")
    assert refusal(with_headers(request, authorization=without)).flaw is Flaw.UNSIGNED_HEADERS


def test_payload_hashes() -> None:
    parts = ("PUT", "/b/k", "", {}, b"data")
    s3 = signed_by_botocore(parts, S3SigV4Auth, "s3")
    assert refusal(replace(s3, body=b"Data"), "s3").flaw is Flaw.PAYLOAD
    for marker in ("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        other = signed_by_botocore(("PUT", "/", "", {"X-Amz-Content-SHA256": marker}, b""),
                                   SigV4Auth, "lambda")  # fmt: skip
        assert refusal(other).flaw is Flaw.PAYLOAD
    unsigned = signed_by_botocore(
        ("PUT", "/b/k", "", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, b"any"),
        SigV4Auth, "s3",
    )  # fmt: skip
    check(unsigned, "s3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Expires", "604801"),
        ("X-Amz-Expires", "0"),
        ("X-Amz-Expires", "-1"),
        ("X-Amz-Expires", "1e3"),
        ("X-Amz-Algorithm", "none"),
        ("X-Amz-Date", "yesterday"),
        ("X-Amz-Signature", ""),
    ],
)
def test_presigned_nonsense(name: str, value: str) -> None:
    request = signed_by_botocore(PLAIN, SigV4QueryAuth, "lambda")
    pairs = [p.partition("=")[::2] for p in request.query.split("&")]
    query = "&".join(f"{n}={value if n == name else v}" for n, v in pairs)
    assert refusal(replace(request, query=query)).flaw in (
        Flaw.INCOMPLETE, Flaw.SCOPE,
    )  # fmt: skip


def test_two_signatures_are_one_too_many() -> None:
    request = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    both = replace(request, query="X-Amz-Signature=00")
    assert refusal(both).flaw is Flaw.INCOMPLETE


@settings(max_examples=300)
@given(header=st.text(st.characters(max_codepoint=255), max_size=80), date=st.text(max_size=16))
def test_garbage_is_refused_not_fatal(header: str, date: str) -> None:
    for text in (header, f"AWS4-HMAC-SHA256 Credential=a/{header}, SignedHeaders=h, Signature=é"):
        request = Request("GET", "/", "", {"host": "h", "authorization": text, "x-amz-date": date})
        with pytest.raises(SignatureError):
            Verifier().verify(request, read_signature(request), SECRET, "lambda", NOW_S)


def test_only_keys_that_held_are_remembered_and_only_so_many() -> None:
    verifier = Verifier(signing_keys=2)
    good = signed_by_botocore(PLAIN, SigV4Auth, "lambda")
    with pytest.raises(SignatureError):
        verifier.verify(good, read_signature(good), "wrong", "lambda", NOW_S)
    assert not verifier._keys
    for service in ("lambda", "logs", "sqs"):
        request = signed_by_botocore(PLAIN, SigV4Auth, service)
        verifier.verify(request, read_signature(request), SECRET, service, NOW_S)
    assert len(verifier._keys) == 2
