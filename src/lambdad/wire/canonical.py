"""The canonical form of a request: the one spelling that Signature Version 4 signs.

Pure. Shared by checking (`wire/sigv4.py`) and signing (`wire/signing.py`). Rules: "Create a signed
AWS API request" (IAM User Guide).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")
"""Paths that every canonical form leaves as they are: unreserved characters, no dot segments."""
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9_.~=&-]*")
_BLANKS = re.compile("[ \t]+")


class PreparedHmac:
    """HMAC-SHA256 (RFC 2104) with the work that depends on the key alone done once: half the
    time of `hmac.digest` on texts as short as these."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def hexdigest(self, text: bytes) -> str:
        inner = self._inner.copy()
        inner.update(text)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs for one day, region and service."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def string_to_sign(canonical: bytes, timestamp: str, scope: str) -> bytes:
    """What the signing key is applied to; `scope` is date/region/service/aws4_request."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()


def canonical_request(
    method: str, path: str, query: str, headers: str, signed_headers: str, payload: str
) -> bytes:
    """All canonical parts in order; `payload` is the body's hash or a marker in its place."""
    text = f"{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{payload}"
    return text.encode("latin-1", "replace")  # Header bytes, as they were sent.


def canonical_path(path: str, service: str) -> str:
    """S3: every byte encoded once, and `%2F` is no slash. Others: dot segments and empty segments
    gone, and what was sent encoded once more."""
    if _PLAIN_PATH.fullmatch(path):
        return path or "/"
    if service == "s3":
        return "/".join([quote(unquote_to_bytes(part), safe="~") for part in path.split("/")])
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    tail = "/" if path.endswith("/") and segments else ""
    return "/" + quote("/".join(segments), safe="/~") + tail


def canonical_query(query: str) -> str:
    """Names and values encoded, sorted by both; the signature itself left out."""
    if not query:
        return ""
    pairs = [(name, value) for name, _, value in (p.partition("=") for p in query.split("&"))]
    if not _PLAIN_QUERY.fullmatch(query):
        pairs = [(_encode(name), _encode(value)) for name, value in pairs]
    return "&".join([f"{n}={v}" for n, v in sorted(pairs) if n != "X-Amz-Signature"])


def canonical_headers(headers: Mapping[str, str], signed_headers: str) -> str:
    """`name:value` lines, blanks collapsed; a signed header that was not sent counts as empty."""
    names = signed_headers.split(";")
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])
    if "  " in lines or "\t" in lines or ": " in lines or " \n" in lines:
        values = [_BLANKS.sub(" ", headers.get(name, "")).strip(" ") for name in names]
        lines = "".join([f"{n}:{value}\n" for n, value in zip(names, values, strict=True)])
    return lines


def _encode(text: str) -> str:
    raw = unquote_to_bytes(text.replace("+", " "))
    return quote(raw, safe="~")
