"""From an HTTP request to the event that a function gets: payload format 2.0. Pure.

Sources: Lambda developer guide, "Request and response payloads" of function URLs; events of real
URLs (the account is `anonymous` without IAM, cookies are in no header, forms are base64);
semantics §5.6. Whatever is said of the connection is ours: a client cannot say it.
"""

from __future__ import annotations

import base64
import time
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

import orjson

from lambdad.core.ids import RequestId
from lambdad.iam.principal import Principal
from lambdad.wire.http import Request

_CONNECTION_HEADERS = frozenset(
    {
        "connection", "cookie", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "x-amzn-tls-cipher-suite", "x-amzn-tls-version",
    }
)  # fmt: skip
"""Not for the function: of one connection only (RFC 9110 §7.6.1), passed elsewhere (cookies), or
for us alone to say."""
_SIGNATURE_HEADERS = frozenset({"authorization", "x-amz-security-token"})
"""Not for a function either, once we have used them: it could pass them on."""
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


class Circumstances(NamedTuple):
    """What the event says beside the request itself."""

    url_id: str
    domain: str
    path: str
    """As sent, without the prefix of the form by path."""
    request_id: RequestId
    trace_header: str
    wall_ms: int
    caller: Principal | None
    """Whoever signed; None where nobody had to."""


def event_of(request: Request, about: Circumstances) -> bytes:
    """The event as JSON."""
    path = unquote(about.path) if "%" in about.path else about.path
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
    }
    cookies = _cookies(request.headers.get("cookie"))
    if cookies:
        event["cookies"] = cookies
    event["headers"] = _headers(request, about)
    if request.query:
        event["queryStringParameters"] = _parameters(request.query)
    event["requestContext"] = _context(request, path, about)
    encoded = False
    if request.body:
        event["body"], encoded = _body(request)
    event["isBase64Encoded"] = encoded
    return orjson.dumps(event)


def _headers(request: Request, about: Circumstances) -> dict[str, str]:
    """Lower-case names; repeated headers were joined with a comma when they were read."""
    dropped = _CONNECTION_HEADERS
    if about.caller is not None:
        dropped |= _SIGNATURE_HEADERS
    kept = {name: value for name, value in request.headers.items() if name not in dropped}
    if request.body:
        kept["content-length"] = str(len(request.body))
    kept["x-amzn-trace-id"] = about.trace_header
    kept["x-forwarded-for"] = request.peer
    kept["x-forwarded-port"] = _port(request)
    kept["x-forwarded-proto"] = "https" if request.secure else "http"
    return kept


def _port(request: Request) -> str:
    port = request.headers.get("host", "").rpartition(":")[2]
    return port if port.isdigit() else "443" if request.secure else "80"


def _cookies(header: str | None) -> list[str]:
    if not header:
        return []
    return [cookie for part in header.split(";") if (cookie := part.strip())]


def _parameters(query: str) -> dict[str, str]:
    """Decoded; the values of a repeated name joined with a comma."""
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _context(request: Request, path: str, about: Circumstances) -> dict[str, Any]:
    caller = about.caller
    context: dict[str, Any] = {
        "accountId": "anonymous" if caller is None else caller.account,
        "apiId": about.url_id,
    }
    if caller is not None:
        context["authentication"] = None
        context["authorizer"] = {"iam": _identity(caller)}
    return context | {
        "domainName": about.domain,
        "domainPrefix": about.url_id,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.peer,
            "userAgent": request.headers.get("user-agent"),
        },
        "requestId": about.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": _access_log_time(about.wall_ms // 1000),
        "timeEpoch": about.wall_ms,
    }


def _identity(caller: Principal) -> dict[str, str | None]:
    return {
        "accessKey": caller.access_key_id,
        "accountId": caller.account,
        "callerId": caller.unique_id or None,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.arn,
        "userId": caller.unique_id or None,
    }


@lru_cache(maxsize=2)
def _access_log_time(epoch_s: int) -> str:
    """`12/Mar/2020:19:03:58 +0000`."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(epoch_s))


def _body(request: Request) -> tuple[str, bool]:
    """Text of a text type as it is, everything else in base64; with it, which of the two."""
    if _is_text(request.headers.get("content-type", "")):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _is_text(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml"))
