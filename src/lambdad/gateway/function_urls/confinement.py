"""What changes in an answer that is given in the form by path. Pure.

All URLs of that form share one origin with each other and with the server's own API, so a page
served there must not get that origin's rights, nor a cookie reach another function. A browser is
better served in the form by host, where every function is an origin of its own.
"""

from __future__ import annotations

import re

from lambdad.wire.http import Response

_SANDBOX = (
    "Content-Security-Policy",
    "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
)
"""Without allow-same-origin: scripts run as nobody (HTML standard, "Sandboxing")."""
_OF_THE_ORIGIN = frozenset(
    {
        "accept-ch", "alt-svc", "clear-site-data", "nel", "origin-agent-cluster",
        "public-key-pins", "report-to", "service-worker-allowed", "strict-transport-security",
        "x-permitted-cross-domain-policies",
    }
)  # fmt: skip
"""Headers that a browser takes for the whole origin: to forget its data, to ask elsewhere, to tell
somebody of every request, with its query."""
_ATTRIBUTE = re.compile(r"(domain|path)\s*=.*|(domain|path)\s*", re.IGNORECASE)


def confine(response: Response, prefix: str) -> None:
    """Change an answer in place, so that what it sets in a client stays below `prefix`."""
    response.headers = [
        (name, _below(value, prefix)) if name.lower() == "set-cookie" else (name, value)
        for name, value in response.headers
        if name.lower() not in _OF_THE_ORIGIN
    ]
    response.headers.append(_SANDBOX)


def keep_to_host(response: Response, host: str) -> None:
    """In the form by host: drop cookies for a wider domain than the URL's own, in place. Browsers
    do so on AWS, whose domains are on the public suffix list; of ours they know nothing."""
    response.headers = [
        (name, value)
        for name, value in response.headers
        if name.lower() != "set-cookie" or _is_own(value, host)
    ]


def _below(cookie: str, prefix: str) -> str:
    """The cookie for the same path, seen from outside, and for this host alone."""
    first, *attributes = (part.strip() for part in cookie.split(";"))
    path = "/"
    kept = [first]
    for attribute in attributes:
        if not _ATTRIBUTE.fullmatch(attribute):
            kept.append(attribute)
        elif attribute.lower().startswith("path"):
            given = attribute.partition("=")[2].strip()
            path = given if given.startswith("/") else "/"
    return "; ".join([*kept, f"Path={prefix}{path}"])


def _is_own(cookie: str, host: str) -> bool:
    for attribute in cookie.split(";")[1:]:
        name, _, value = attribute.partition("=")
        if name.strip().lower() == "domain":
            domain = value.strip().lower().lstrip(".")
            if domain and domain != host:
                return False
    return True
