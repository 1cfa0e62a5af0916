"""What a function URL's Cors setting says to browsers. Pure.

With the setting, preflights are answered without the function, and on other answers its own
headers of this kind give way: two Access-Control-Allow-Origin headers are an error to a browser.
Sources: Lambda developer guide, "Cross-origin resource sharing"; Fetch standard, "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.core.value import Value
from lambdad.wire.http import Request

Headers = list[tuple[str, str]]
CORS_PREFIX = "access-control-"
_ANY = "*"


class CorsRules(Value):
    """A Cors setting, ready to be applied."""

    origins: frozenset[str]
    """Lower case; `*` for all."""
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age_s: int | None

    def actual(self, request: Request) -> Headers:
        """The headers to add to an answer that is no preflight's."""
        added: Headers = [("Vary", "Origin")]
        origin = self._origin(request)
        if origin is not None:
            added += self._granted(origin)
            if self.exposed:
                added.append(("Access-Control-Expose-Headers", ",".join(self.exposed)))
        return added

    def preflight(self, request: Request) -> Headers:
        """The headers that answer a preflight; none of them allows what the setting does not."""
        added: Headers = [("Vary", "Origin")]
        origin = self._origin(request)
        if origin is None:
            return added
        added += self._granted(origin)
        asked = request.headers
        methods = self._listed(self.methods, asked.get("access-control-request-method", ""))
        if methods:
            added.append(("Access-Control-Allow-Methods", methods))
        headers = self._listed(self.headers, asked.get("access-control-request-headers", ""))
        if headers:
            added.append(("Access-Control-Allow-Headers", headers))
        if self.max_age_s is not None:
            added.append(("Access-Control-Max-Age", str(self.max_age_s)))
        return added

    def _origin(self, request: Request) -> str | None:
        """The request's origin if it is allowed. It is repeated even where all are (recorded)."""
        origin = request.headers.get("origin")
        if origin is None:
            return None
        return origin if _ANY in self.origins or origin.lower() in self.origins else None

    def _granted(self, origin: str) -> Headers:
        granted = [("Access-Control-Allow-Origin", origin)]
        if self.credentials:
            granted.append(("Access-Control-Allow-Credentials", "true"))
        return granted

    def _listed(self, allowed: tuple[str, ...], asked: str) -> str:
        """With credentials a browser takes `*` for a name: then what it asks for is repeated."""
        if _ANY in allowed:
            return asked if self.credentials else _ANY
        return ",".join(allowed)


def rules_of(setting: Mapping[str, Any] | None) -> CorsRules | None:
    """A Cors setting in AWS's spelling; None where there is none."""
    if not setting:
        return None
    return CorsRules(
        origins=frozenset(origin.lower() for origin in setting.get("AllowOrigins") or ()),
        methods=tuple(setting.get("AllowMethods") or ()),
        headers=tuple(setting.get("AllowHeaders") or ()),
        exposed=tuple(setting.get("ExposeHeaders") or ()),
        credentials=bool(setting.get("AllowCredentials")),
        max_age_s=setting.get("MaxAge"),
    )


def is_preflight(request: Request) -> bool:
    """Whether a browser asks what it may, rather than does it."""
    headers = request.headers
    return (
        request.method == "OPTIONS"
        and "origin" in headers
        and "access-control-request-method" in headers
    )
