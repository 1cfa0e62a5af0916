"""Keeping web pages out of a server that checks no signatures.

Any page a developer visits can send requests to 127.0.0.1, and by DNS rebinding even read the
answers; a page that a function serves at its URL is such a page, whatever its name. With
signatures that is harmless; with `--accept-any-credentials` it would let every page run code in
the sandboxes. Browsers say where a request comes from; AWS clients never do.
"""

from __future__ import annotations

import re

from lambdad.core.errors import AccessDeniedException
from lambdad.functions.url_addresses import address_of
from lambdad.wire.http import Request

_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]")
_LOCAL_SUFFIXES = (
    ".localhost",
    ".internal",
    ".amazonaws.com",
    ".localhost.localstack.cloud",
)
"""Names that no stranger's DNS can point at us: reserved, or run by others we know of."""


def refuse_web_pages(request: Request) -> None:
    """Raises AccessDeniedException if a browser sent the request for a page of another site."""
    headers = request.headers
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise _refusal("Sec-Fetch-Site")
    origin = headers.get("origin")
    if origin is not None:
        site = origin.partition("://")[2]
        if not _is_local(site) or address_of(site, "/") is not None:
            raise _refusal("Origin")
    if not _is_local(headers.get("host", "localhost")):
        raise _refusal("Host")


def _is_local(authority: str) -> bool:
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit():
        host = authority
    host = host.lower().rstrip(".")
    if _ADDRESS.fullmatch(host):
        return True
    return bool(host) and ("." not in host or host.endswith(_LOCAL_SUFFIXES))


def _refusal(header: str) -> AccessDeniedException:
    return AccessDeniedException(
        "This lambdad accepts any credentials, so it refuses requests that look like a web "
        f"page's (by their {header} header). Start it without --accept-any-credentials to use it "
        "under this name."
    )
