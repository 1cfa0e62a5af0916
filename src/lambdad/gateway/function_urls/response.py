"""From what a function returned to an HTTP answer: payload format 2.0, the other way. Pure.

A result with a `statusCode` is an HTTP answer in JSON; any other result is the body of a 200.
The function is not trusted: a header that would end the head of the answer, or speak for the
connection, never gets out. Sources: Lambda developer guide, "Response payload format"; semantics
§5.6 (recorded: strings come without their quotation marks); renamed headers as seen on AWS.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from lambdad.wire.http import Response

Headers = list[tuple[str, str]]
CONTENT_TYPE = "Content-Type"
JSON = "application/json"
_REMAPPED = "x-amzn-Remapped-"
_RESERVED = frozenset(
    {
        "connection", "content-length", "date", "keep-alive", "proxy-authenticate",
        "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade",
        "www-authenticate", "x-amzn-requestid", "x-amzn-trace-id",
    }
)  # fmt: skip
"""Not the function's to say: sent under another name, as AWS does."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_STATUSES = range(200, 600)


class InvalidResult(ValueError):
    """A result that is no HTTP answer: the client is told 502."""


def response_of(payload: bytes) -> Response:
    """The answer that a successful result means. Raises InvalidResult."""
    result = _parsed(payload)
    if isinstance(result, dict) and "statusCode" in result:
        return _structured(result)
    body = _utf8(result) if isinstance(result, str) else payload
    return Response(200, [(CONTENT_TYPE, JSON)], body)


def head_of(metadata: Mapping[str, Any]) -> Response:
    """Status, headers and cookies of a structured result, or of the first part of a streamed
    one; no body yet. Raises InvalidResult."""
    headers = _headers(metadata.get("headers"))
    cookies = metadata.get("cookies")
    if cookies is not None:
        if not isinstance(cookies, list):
            raise InvalidResult("cookies are not a list")
        headers += [("Set-Cookie", _value(cookie)) for cookie in cookies]
    return Response(_status(metadata.get("statusCode", 200)), headers)


def _parsed(payload: bytes) -> object:
    """The result. The fast parser knows no integers of more than 64 bits, which JSON has."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidResult("the result is not JSON") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _structured(result: Mapping[str, Any]) -> Response:
    response = head_of(result)
    if not any(name.lower() == "content-type" for name, _ in response.headers):
        response.headers.insert(0, (CONTENT_TYPE, JSON))
    body = result.get("body")
    if body is None:
        return response
    if not isinstance(body, str):
        raise InvalidResult("the body is not a string")
    response.body = _decoded(body) if result.get("isBase64Encoded") is True else _utf8(body)
    return response


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidResult("the body is not base64") from None


def _status(value: object) -> int:
    """A number, or its digits. What is below 200 would not end the exchange."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in _STATUSES:
        raise InvalidResult("the status code is none")
    return int(value)


def _headers(values: object) -> Headers:
    if values is None:
        return []
    if not isinstance(values, dict):
        raise InvalidResult("headers are not an object")
    headers = []
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise InvalidResult("a header has no proper name")
        shown = f"{_REMAPPED}{name}" if name.lower() in _RESERVED else name
        headers.append((shown, _value(value)))
    return headers


def _value(value: object) -> str:
    """A header's value as it goes on the wire, where it is UTF-8 in a string of bytes."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str | int | float):
        text = str(value).strip(" \t")
    elif value is None:
        text = ""
    else:
        raise InvalidResult("a header's value is neither text nor number")
    if not _VALUE.fullmatch(text):
        raise InvalidResult("a header's value has control characters")
    return text if text.isascii() else _utf8(text).decode("latin-1")


def _utf8(text: str) -> bytes:
    """JSON can spell half a character, which no text on the wire can hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidResult("a text has half a character") from None
