"""Where GetFunction's Code.Location points: deployment packages behind signed, expiring URLs.

As on AWS the URL alone is the permission; it holds for ten minutes, or until the server ends.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
from collections.abc import AsyncIterator, Callable
from io import BufferedReader
from urllib.parse import parse_qs

from lambdad.api.call import Call
from lambdad.core.clock import Clock
from lambdad.wire.http import Response

_LIFETIME_S = 600
_CHUNK_BYTES = 1_048_576
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"\d{1,12}")


class CodeLinks:
    """Makes and honours download URLs. `open_package` gives a package by its SHA-256."""

    def __init__(self, open_package: Callable[[str], BufferedReader], clock: Clock) -> None:
        self._key = os.urandom(32)
        self._open_package = open_package
        self._clock = clock

    def url(self, digest: str, call: Call) -> str:
        """A URL, as this caller reaches us, of the package with this SHA-256 (hexadecimal)."""
        expires = str(self._clock.wall_ms() // 1000 + _LIFETIME_S)
        signature = self._sign(digest, expires)
        return f"{call.endpoint}/_lambdad/code/{digest}?Expires={expires}&Signature={signature}"

    def serve(self, digest: str, query: str) -> Response:
        """The package, streamed; 403 to a URL that is not ours or too old."""
        values = parse_qs(query)
        expires = values.get("Expires", [""])[0]
        signature = values.get("Signature", [""])[0].encode("utf-8", "replace")
        genuine = _DIGEST.fullmatch(digest) and _NUMBER.fullmatch(expires)
        if not genuine or not hmac.compare_digest(self._sign(digest, expires).encode(), signature):
            return _error(403, "AccessDenied", "Access Denied")
        if int(expires) * 1000 < self._clock.wall_ms():
            return _error(403, "AccessDenied", "Request has expired")
        try:
            package = self._open_package(digest)
        except FileNotFoundError:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        size = package.seek(0, os.SEEK_END)
        package.seek(0)
        headers = [("Content-Type", "application/zip"), ("Content-Length", str(size))]
        return Response(200, headers, _read(package))

    def _sign(self, digest: str, expires: str) -> str:
        return hmac.digest(self._key, f"{digest}\n{expires}".encode(), "sha256").hex()


async def _read(package: BufferedReader) -> AsyncIterator[bytes]:
    """The package in pieces, read and decrypted in a thread."""
    loop = asyncio.get_running_loop()
    with package:
        while part := await loop.run_in_executor(None, package.read, _CHUNK_BYTES):
            yield part


def _error(status: int, code: str, message: str) -> Response:
    """As S3, where AWS keeps packages, would say it."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(
        status,
        [("Content-Type", "application/xml")],
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode(),
    )
