"""An HTTP message as a value. The gateway makes and sends them; everything else only reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from lambdad.core.value import Struct, field


class Request(Struct):
    """A whole request: the body is complete and within the gateway's limit."""

    method: str
    path: str
    """As sent, percent-escapes untouched, without the query string."""
    query: str
    """As sent, without the question mark; empty if there is none."""
    headers: dict[str, str]
    """Names in lower case; repeated headers joined with a comma."""
    body: bytes = b""
    peer: str = ""
    """The client's address."""
    secure: bool = False
    """It came by TLS."""


class Response(Struct):
    """An answer. A streamed body is sent chunked, each item as soon as it is there."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
