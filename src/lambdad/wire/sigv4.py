"""AWS Signature Version 4: reading a signature off a request, and checking it.

Pure: the key, the service and the time are given. Who owns a key is `iam/authenticate.py`'s
business; making signatures is `wire/signing.py`'s. Rules: "AWS Signature Version 4 for API
requests" (IAM User Guide), semantics §8.1; oracle: `botocore.auth`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from lambdad.wire import canonical
from lambdad.wire.http import Request

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
MAX_EXPIRES_S = 604_800
SKEW_S = 300
S3_SKEW_S = 900
_SIGNING_KEYS = 1024

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, ?"
    r"SignedHeaders=([^,=\s]+), ?Signature=([0-9a-f]{64})"
)
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


class Flaw(Enum):
    """What is wrong with a signature; which error AWS sends for it depends on the service."""

    MISSING = "unsigned"
    INCOMPLETE = "not a signature"
    SCOPE = "made for another service, region or day"
    MISMATCH = "not made with this key over this request"
    SKEWED = "too old or from the future"
    EXPIRED = "a presigned request past its time"
    UNSIGNED_HEADERS = "leaves out headers that matter"
    PAYLOAD = "the body is not the one that was signed"


class SignatureError(Exception):
    """A signature that does not hold. The message is what AWS says, free of secrets."""

    def __init__(self, flaw: Flaw, message: str) -> None:
        super().__init__(message)
        self.flaw = flaw
        self.message = message


class Signature(NamedTuple):
    """What a request claims about who signed it, read but not yet checked."""

    access_key_id: str
    date: str
    """YYYYMMDD of the scope."""
    region: str
    service: str
    signed_headers: str
    """Lower-case names joined with semicolons, as sent."""
    value: str
    timestamp: str
    """YYYYMMDDTHHMMSSZ."""
    token: str | None
    """The session token, for temporary credentials."""
    expires_s: int | None = None
    """For presigned requests: how long after the timestamp they hold."""

    @property
    def scope(self) -> str:
        """What the signature is good for: date/region/service/aws4_request."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read_signature(request: Request) -> Signature:
    """The signature in the Authorization header or in the query. Raises SignatureError."""
    header = request.headers.get("authorization")
    presigned = "X-Amz-Signature=" in request.query or "X-Amz-Algorithm=" in request.query
    if header is None:
        if presigned:
            return _read_presigned(request)
        raise SignatureError(Flaw.MISSING, "Missing Authentication Token")
    if presigned:
        raise SignatureError(Flaw.INCOMPLETE, "Only one auth mechanism allowed.")
    usual = _AUTHORIZATION.fullmatch(header)
    timestamp = request.headers.get("x-amz-date")
    if usual is None or timestamp is None:
        return _read_unusual(header, request.headers)
    key, date, region, service, signed_headers, value = usual.groups()
    token = request.headers.get("x-amz-security-token")
    return Signature(key, date, region, service, signed_headers, value, timestamp, token)


class Verifier:
    """Checks signatures, and remembers the signing keys of those that held."""

    def __init__(self, signing_keys: int = _SIGNING_KEYS) -> None:
        self._limit = signing_keys
        self._keys: dict[tuple[str, str, str, str], canonical.PreparedHmac] = {}

    def verify(
        self, request: Request, signature: Signature, secret: str, service: str, now_s: float
    ) -> None:
        """Check that `request` was signed with `secret` for `service`, recently enough.

        `service` is the signing name of the service that will answer. Raises SignatureError."""
        _check_scope(signature, service)
        _check_time(signature, service, now_s)
        _check_signed_headers(request.headers, signature)
        text = canonical.canonical_request(
            request.method,
            canonical.canonical_path(request.path, service),
            canonical.canonical_query(request.query),
            canonical.canonical_headers(request.headers, signature.signed_headers),
            signature.signed_headers,
            _payload_hash(request, signature, service),
        )
        to_sign = canonical.string_to_sign(text, signature.timestamp, signature.scope)
        owner = (secret, signature.date, signature.region, signature.service)
        known = self._keys.get(owner)
        key = known or canonical.PreparedHmac(canonical.signing_key(*owner))
        expected = key.hexdigest(to_sign)
        if not hmac.compare_digest(expected.encode(), signature.value.encode("utf-8", "replace")):
            raise SignatureError(
                Flaw.MISMATCH,
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details.",
            )
        if known is None:  # Only holders of the secret get this far, so nobody else can flood it.
            while len(self._keys) >= self._limit:
                del self._keys[next(iter(self._keys))]
            self._keys[owner] = key


# The checks.


def _check_scope(signature: Signature, service: str) -> None:
    if signature.service != service:
        raise SignatureError(
            Flaw.SCOPE, f"Credential should be scoped to correct service: '{service}'. "
        )
    day = signature.timestamp[:8]
    if signature.date != day:
        raise SignatureError(
            Flaw.SCOPE,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{signature.date}' != '{day}', from '{signature.timestamp}'.",
        )


def _check_time(signature: Signature, service: str, now_s: float) -> None:
    signed_s = epoch_s(signature.timestamp)
    skew_s = S3_SKEW_S if service == "s3" else SKEW_S
    if signed_s > now_s + skew_s:
        raise SignatureError(
            Flaw.SKEWED,
            f"Signature not yet current: {signature.timestamp} is still later than "
            f"{stamp(now_s + skew_s)} ({stamp(now_s)} + {skew_s // 60} min.)",
        )
    if signature.expires_s is not None:
        if now_s > signed_s + signature.expires_s:
            raise SignatureError(
                Flaw.EXPIRED,
                f"Signature expired: {stamp(signed_s + signature.expires_s)} is now earlier than "
                f"{stamp(now_s)}",
            )
    elif signed_s < now_s - skew_s:
        raise SignatureError(
            Flaw.SKEWED,
            f"Signature expired: {signature.timestamp} is now earlier than "
            f"{stamp(now_s - skew_s)} ({stamp(now_s)} - {skew_s // 60} min.)",
        )


def _check_signed_headers(headers: Iterable[str], signature: Signature) -> None:
    """Whatever tells AWS what to do must be under the signature, or anyone could change it. The
    payload's hash is: it is part of what is signed."""
    signed = signature.signed_headers.split(";")
    if "host" not in signed:
        raise SignatureError(
            Flaw.UNSIGNED_HEADERS,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        )
    for name in headers:
        if name.startswith("x-amz-") and name not in signed and name != "x-amz-content-sha256":
            raise SignatureError(
                Flaw.UNSIGNED_HEADERS,
                f"There were headers present in the request which were not signed: {name}",
            )


def _payload_hash(request: Request, signature: Signature, service: str) -> str:
    """The body's part of the canonical request; a hash that is sent must be the body's.

    S3 alone may leave the body unsigned. Its chunked uploads are refused until S3 reads them."""
    declared = request.headers.get("x-amz-content-sha256")
    if declared is None:
        if service == "s3" and signature.expires_s is not None:
            return UNSIGNED_PAYLOAD
        return hashlib.sha256(request.body).hexdigest()
    if declared == UNSIGNED_PAYLOAD and service == "s3":
        return declared
    if not _SHA256_HEX.fullmatch(declared):
        raise SignatureError(
            Flaw.PAYLOAD, "x-amz-content-sha256 must be the body's SHA-256 in hexadecimal."
        )
    if declared != hashlib.sha256(request.body).hexdigest():
        raise SignatureError(
            Flaw.PAYLOAD,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    return declared


# Reading what is not in the usual form: mostly to say what is wrong with it.


def _read_unusual(header: str, headers: Mapping[str, str]) -> Signature:
    """A valid header in an unusual spelling, or else the error that says what is amiss."""
    algorithm, _, rest = header.partition(" ")
    digest = base64.b64encode(hashlib.sha256(header.encode("latin-1", "replace")).digest())
    shown = f"(Hashed with SHA-256 and encoded with Base64) Authorization={digest.decode()}"
    parts: dict[str, str] = {}
    for item in rest.split(",") if rest else ():
        name, equals, value = item.strip().partition("=")
        if not equals:
            raise SignatureError(
                Flaw.INCOMPLETE,
                "Invalid key=value pair (missing equal-sign) in Authorization header "
                f"(hashed with SHA-256 and encoded with Base64): '{digest.decode()}'.",
            )
        parts[name] = value
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    if "x-amz-date" not in headers and "date" not in headers:
        missing.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if missing:
        raise SignatureError(Flaw.INCOMPLETE, f"{' '.join(missing)} {shown}")
    if algorithm != canonical.ALGORITHM:
        raise SignatureError(Flaw.INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm}'.")
    return _signature(
        parts["Credential"],
        parts["SignedHeaders"],
        parts["Signature"],
        headers.get("x-amz-date") or _date_header(headers),
        headers.get("x-amz-security-token"),
    )


def _read_presigned(request: Request) -> Signature:
    """The signature of a presigned request: the same parts, in the query."""
    query: dict[str, str] = {}
    for pair in request.query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            if name in query:
                raise SignatureError(Flaw.INCOMPLETE, f"AWS query-string parameter {name} twice.")
            query[name] = unquote_plus(value)
    for name in ("Algorithm", "Credential", "SignedHeaders", "Signature", "Date"):
        if not query.get(f"X-Amz-{name}"):
            raise SignatureError(
                Flaw.INCOMPLETE, f"AWS query-string parameters must include 'X-Amz-{name}'."
            )
    if query["X-Amz-Algorithm"] != canonical.ALGORITHM:
        raise SignatureError(
            Flaw.INCOMPLETE, f"Unsupported AWS 'algorithm': '{query['X-Amz-Algorithm']}'."
        )
    expires = query.get("X-Amz-Expires", "900")
    if not (expires.isascii() and expires.isdigit() and 1 <= int(expires) <= MAX_EXPIRES_S):
        raise SignatureError(
            Flaw.INCOMPLETE,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {MAX_EXPIRES_S} seconds",
        )
    return _signature(
        query["X-Amz-Credential"],
        query["X-Amz-SignedHeaders"],
        query["X-Amz-Signature"],
        query["X-Amz-Date"],
        query.get("X-Amz-Security-Token"),
        int(expires),
    )


def _signature(
    credential: str,
    signed_headers: str,
    value: str,
    timestamp: str,
    token: str | None,
    expires_s: int | None = None,
) -> Signature:
    elements = credential.split("/")
    if len(elements) != 5:
        raise SignatureError(
            Flaw.INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{credential}'",
        )
    key, date, region, service, terminator = elements
    if terminator != "aws4_request":
        raise SignatureError(
            Flaw.SCOPE,
            "Credential should be scoped with a valid terminator: 'aws4_request', "
            f"not '{terminator}'.",
        )
    return Signature(key, date, region, service, signed_headers, value, timestamp, token, expires_s)


def _date_header(headers: Mapping[str, str]) -> str:
    """The Date header as a time stamp, for clients that send no X-Amz-Date."""
    date = headers.get("date", "")
    try:
        return datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").strftime(TIMESTAMP)
    except ValueError:
        return date


# Time stamps.


def stamp(epoch_seconds: float) -> str:
    """Epoch seconds as YYYYMMDDTHHMMSSZ."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime(TIMESTAMP)


@lru_cache(maxsize=64)
def _epoch_s(timestamp: str) -> float | None:
    """Remembered, because all requests of a second bear the same."""
    if _TIMESTAMP.fullmatch(timestamp):
        with suppress(ValueError):
            return datetime.fromisoformat(timestamp).timestamp()
    return None


def epoch_s(timestamp: str) -> float:
    """YYYYMMDDTHHMMSSZ as epoch seconds. Raises SignatureError."""
    seconds = _epoch_s(timestamp)
    if seconds is not None:
        return seconds
    raise SignatureError(
        Flaw.INCOMPLETE,
        "Date must be in ISO-8601 'basic format'. "
        f"Got '{timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601",
    )
