"""Addresses of function URLs: what a URL looks like, and which URL an address means. Pure.

Two forms. By host, as on AWS: `<id>.lambda-url.<region>.` and any name that leads to this server
(`localhost`, which browsers and curl resolve by themselves, or `on.aws` where somebody's DNS says
so). By path, for clients whose resolver knows no such name: `/_lambdad/url/<id>/` on any host.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from lambdad.core.ids import Region

PATH_PREFIX = "/_lambdad/url/"
_LABEL = ".lambda-url."
_AWS_SUFFIX = "on.aws"
_HOST = re.compile(
    r"(?P<id>[a-z0-9-]{1,63})\.lambda-url\.(?P<region>[a-z0-9-]{1,32})\.(?P<suffix>[^:/]+)(:\d*)?"
)
_PATH = re.compile(r"/_lambdad/url/(?P<id>[a-z0-9]{1,63})(?P<rest>/.*|$)", re.DOTALL)


class UrlAddress(NamedTuple):
    """What an address says. Whether there is such a URL is another question."""

    url_id: str
    """Empty where the address has none: it is nobody's."""
    region: Region | None
    """None if the address does not tell."""
    path: str
    """What the function sees, beginning with a slash; percent-escapes as sent."""
    prefix: str = ""
    """What stood before it, in the form by path."""


def address_of(host: str, path: str) -> UrlAddress | None:
    """The function URL that a request to `host` (a Host header) for `path` (as sent) means; None
    for a request to anything else. Every request of the server asks: two look-ups for most."""
    if _LABEL in host.lower():
        host = host.lower()
        match = _HOST.fullmatch(host)
        if match is None:
            return UrlAddress("", None, path)
        return UrlAddress(match["id"], Region(match["region"]), path)
    if path.startswith(PATH_PREFIX):
        match = _PATH.fullmatch(path)
        if match is None:
            return UrlAddress("", None, "/")
        url_id = match["id"]
        return UrlAddress(url_id, None, match["rest"] or "/", f"{PATH_PREFIX}{url_id}")
    return None


def url_of(url_id: str, region: Region, endpoint: str) -> str:
    """The address to give to a caller who reached us at `endpoint` (scheme and authority). On
    this machine it is the form by host; elsewhere only the form by path needs no DNS of its own."""
    parts = urlsplit(endpoint)
    host = parts.hostname or "localhost"
    if not _is_local(host):
        return f"{endpoint}{PATH_PREFIX}{url_id}/"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme or 'http'}://{url_id}{_LABEL}{region}.localhost{port}/"


def domain_of(host: str, url_id: str, region: Region, *, by_host: bool) -> str:
    """What the function sees as its domain: the name that was called, without its port; where
    that name is not the URL's own, the one it has on AWS."""
    if by_host:
        return host.partition(":")[0].lower()
    return f"{url_id}{_LABEL}{region}.{_AWS_SUFFIX}"


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
