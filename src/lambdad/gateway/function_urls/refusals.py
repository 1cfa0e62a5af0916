"""What a function URL answers when there is nothing of a function's to pass on. Pure.

Texts as AWS sends them (semantics §5.6). Nothing of the function's error gets out: whoever calls
may be anybody.
"""

from __future__ import annotations

from typing import Any

import orjson

from lambdad.core.errors import AwsError, ClientError
from lambdad.wire.http import Response

_JSON = ("Content-Type", "application/json")
_CAPITAL_MESSAGE = frozenset({"AccessDeniedException", "RequestEntityTooLargeException"})


class Forbidden(ClientError):
    """Nobody may, or not this caller; which of the two is not told."""

    code = "AccessDeniedException"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "Forbidden. For troubleshooting Function URL authorization issues, see: "
            "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
        )


class UnknownUrl(ClientError):
    """No URL has this id here."""

    code = "AccessDeniedException"
    status = 403


class TooLarge(ClientError):
    """The event would be larger than a function takes."""

    code = "RequestEntityTooLargeException"
    status = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"Request must be smaller than {limit_bytes} bytes for the InvokeFunction operation"
        )


def refused(error: AwsError) -> Response:
    """An error of ours as an answer."""
    member = "Message" if error.code in _CAPITAL_MESSAGE else "message"
    return _answer(error.status, {member: error.message}, error.code)


def throttled() -> Response:
    """A limit of the function or the account is reached."""
    return _answer(429, {"Message": "Rate Exceeded."}, "TooManyRequestsException")


def failed() -> Response:
    """The function failed, or what it returned is no answer."""
    return Response(502, [_JSON], b"Internal Server Error")


def plain(status: int, message: str) -> Response:
    """A request that HTTP or a limit of the server rules out."""
    return Response(status, [_JSON], orjson.dumps({"Message": message}))


def _answer(status: int, body: dict[str, Any], code: str) -> Response:
    return Response(status, [_JSON, ("x-amzn-ErrorType", code)], orjson.dumps(body))
