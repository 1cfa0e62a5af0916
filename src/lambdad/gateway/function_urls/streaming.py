"""A streamed result as an HTTP answer: its head from the first part, its body as it comes. Pure
but for waiting.

Of the content type `application/vnd.awslambda.http-integration-response` a stream begins with
status, headers and cookies as JSON, then eight NUL bytes; any other stream is all body. The head
goes out with the first byte of the body, so a function that fails before has still a 502.
Source: Lambda developer guide, "Response streaming"; the streaming API of AWS's Node.js client.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import orjson

from lambdad.core.errors import AwsError
from lambdad.core.limits import Limits
from lambdad.gateway.app import CutShort
from lambdad.gateway.function_urls.response import CONTENT_TYPE, InvalidResult, head_of
from lambdad.runtime.invocation import InvokeResult
from lambdad.wire.http import Response

INTEGRATION_TYPE = "application/vnd.awslambda.http-integration-response"
_SEPARATOR = b"\0" * 8
_DEFAULT_TYPE = "application/octet-stream"


class Stream(Protocol):
    """A result on its way (`runtime/response_stream.py`)."""

    content_type: str
    """As the runtime sent it; known with the first part, or at the end of a stream without one."""

    @property
    def outcome(self) -> InvokeResult | None:
        """Set when the last part has been given out."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Nobody reads on. Idempotent."""
        ...


class StreamedBody:
    """What is left of a stream, behind what was read of it already."""

    def __init__(self, stream: Stream, parts: AsyncIterator[bytes], first: bytes) -> None:
        self._stream = stream
        self._parts = parts
        self._first = first

    def __aiter__(self) -> StreamedBody:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return await anext(self._parts)
        except StopAsyncIteration:
            if _has_failed(self._stream):
                raise CutShort from None
            raise
        except AwsError:
            raise CutShort from None

    async def aclose(self) -> None:
        """Read no further."""
        await self._stream.aclose()


async def streamed_response(stream: Stream, limits: Limits) -> Response:
    """The answer, as soon as its head is known. Raises InvalidResult where there is none."""
    try:
        parts = aiter(stream)
        first = await anext(parts, b"")
        if not first and _has_failed(stream):
            raise InvalidResult("the function failed before its first byte")
        kind = stream.content_type
        if kind.partition(";")[0].strip().lower() != INTEGRATION_TYPE:
            head = Response(200, [(CONTENT_TYPE, kind or _DEFAULT_TYPE)])
        else:
            head, first = await _integration_head(parts, first, limits.function_url_prelude_bytes)
    except BaseException:
        await stream.aclose()
        raise
    head.body = StreamedBody(stream, parts, first)
    return head


async def _integration_head(
    parts: AsyncIterator[bytes], begun: bytes, limit_bytes: int
) -> tuple[Response, bytes]:
    """The head that the stream begins with, and what was read behind it."""
    read, looked = bytearray(begun), 0
    while (end := read.find(_SEPARATOR, looked)) < 0:
        looked = max(0, len(read) - len(_SEPARATOR) + 1)  # parts may be single bytes
        part = await anext(parts, b"")
        if not part or len(read) > limit_bytes:
            raise InvalidResult("the stream has no head")
        read += part
    try:
        metadata = orjson.loads(memoryview(read)[:end])
    except orjson.JSONDecodeError:
        raise InvalidResult("the head of the stream is not JSON") from None
    if not isinstance(metadata, dict):
        raise InvalidResult("the head of the stream is no object")
    head = head_of(metadata)
    if not any(name.lower() == "content-type" for name, _ in head.headers):
        head.headers.insert(0, (CONTENT_TYPE, _DEFAULT_TYPE))
    return head, bytes(memoryview(read)[end + len(_SEPARATOR) :])


def _has_failed(stream: Stream) -> bool:
    return stream.outcome is not None and stream.outcome.function_error is not None
