"""Streamed results as answers: the head of the integration type, failures early and late."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.gateway.app import CutShort
from lambdad.gateway.function_urls.response import InvalidResult
from lambdad.gateway.function_urls.streaming import (
    INTEGRATION_TYPE,
    StreamedBody,
    streamed_response,
)
from lambdad.runtime.invocation import InvokeResult
from lambdad.wire.http import Response

NULS = b"\0" * 8


class FakeStream:
    """Gives out scripted parts; then its run ends, well or badly."""

    def __init__(self, content_type: str, *parts: bytes, error: str | None = None) -> None:
        self.content_type = content_type
        self.outcome: InvokeResult | None = None
        self.closed = False
        self.given = 0
        self._parts = parts
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            self.given += 1
            yield part
        self.outcome = InvokeResult(b"", self._error, "$LATEST", None, 1.0, 1)

    async def aclose(self) -> None:
        self.closed = True


def head_of(stream: FakeStream) -> Response:
    return asyncio.run(streamed_response(stream, DEFAULT_LIMITS))


def whole(stream: FakeStream) -> tuple[Response, bytes]:
    async def read() -> tuple[Response, bytes]:
        response = await streamed_response(stream, DEFAULT_LIMITS)
        assert isinstance(response.body, StreamedBody)
        body = b"".join([part async for part in response.body])
        await response.body.aclose()
        return response, body

    return asyncio.run(read())


def metadata(**members: object) -> bytes:
    return json.dumps(members).encode() + NULS


def test_any_other_type_is_all_body() -> None:
    response, body = whole(FakeStream("text/html", b"<p>", b"", b"</p>"))
    assert (response.status, response.headers) == (200, [("Content-Type", "text/html")])
    assert body == b"<p></p>"
    assert whole(FakeStream("", b"x"))[0].headers == [("Content-Type", "application/octet-stream")]


def test_a_head_and_a_body() -> None:
    head = metadata(statusCode=201, headers={"Content-Type": "text/plain"}, cookies=["a=1"])
    response, body = whole(FakeStream(INTEGRATION_TYPE, head + b"one", b"two"))
    assert response.status == 201
    assert response.headers == [("Content-Type", "text/plain"), ("Set-Cookie", "a=1")]
    assert body == b"onetwo"


def test_a_head_in_pieces() -> None:
    head = metadata(statusCode=204)
    pieces = [head[n : n + 1] for n in range(len(head))]
    response, body = whole(FakeStream(f"{INTEGRATION_TYPE}; charset=utf-8", *pieces, b"\0\0"))
    assert (response.status, body) == (204, b"\0\0")
    assert response.headers == [("Content-Type", "application/octet-stream")]


def test_nothing_more_is_read_than_the_head_needs() -> None:
    stream = FakeStream("text/plain", b"1", b"2", b"3")
    head_of(stream)
    assert stream.given == 1


def test_an_empty_stream_is_an_empty_answer() -> None:
    response, body = whole(FakeStream("text/plain"))
    assert (response.status, body) == (200, b"")


@pytest.mark.parametrize(
    "begin",
    [b"", b"{}", b"not json" + NULS, b"[]" + NULS, NULS, metadata(statusCode=100),
     metadata(headers={"a": "b\r\nc: d"}), metadata(cookies="a=1")],
)  # fmt: skip
def test_a_stream_without_a_proper_head(begin: bytes) -> None:
    stream = FakeStream(INTEGRATION_TYPE, begin)
    with pytest.raises(InvalidResult):
        head_of(stream)
    assert stream.closed


def test_a_head_is_bounded() -> None:
    stream = FakeStream(INTEGRATION_TYPE, *[b" " * 1000] * 1000)
    limits = replace(DEFAULT_LIMITS, function_url_prelude_bytes=10_000)
    with pytest.raises(InvalidResult):
        asyncio.run(streamed_response(stream, limits))
    assert stream.given < 15
    assert stream.closed


def test_a_failure_before_the_first_byte_is_no_answer() -> None:
    for kind in ("text/plain", INTEGRATION_TYPE):
        stream = FakeStream(kind, error="Unhandled")
        with pytest.raises(InvalidResult):
            head_of(stream)
        assert stream.closed


def test_a_failure_in_the_middle_cuts_the_answer_short() -> None:
    with pytest.raises(CutShort):
        whole(FakeStream("text/plain", b"one", error="Unhandled"))


def test_closing_reaches_the_stream_even_unread() -> None:
    stream = FakeStream("text/plain", b"one", b"two")
    body = head_of(stream).body
    assert isinstance(body, StreamedBody)
    asyncio.run(body.aclose())
    assert stream.closed
