"""The buffer between a function that streams and its reader: order, bounds, every way to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.runtime.invocation import InvokeResult
from lambdad.runtime.response_stream import ResponseStream
from lambdad.sandbox.driver import SandboxError
from support.functions import run

CHUNK_BYTES = 64
"""What a chunk counts beside its bytes."""


class Tap:
    """A Source that writes down whether it may run."""

    def __init__(self) -> None:
        self.paused = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


def result(payload: bytes = b"", function_error: str | None = None) -> InvokeResult:
    return InvokeResult(payload, function_error, "$LATEST", None, 1.0, 1)


def opened(buffer_bytes: int = 1000) -> tuple[ResponseStream, Tap, asyncio.Future[InvokeResult]]:
    stream, tap = ResponseStream(buffer_bytes), Tap()
    future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
    stream.follow(future)
    stream.begin("text/plain", tap)
    return stream, tap, future


def in_loop(scenario: Coroutine[Any, Any, None]) -> None:
    run(scenario, 5)


def test_chunks_come_in_order_and_then_the_outcome() -> None:
    async def scenario() -> None:
        stream, _, future = opened()
        for chunk in (b"a", b"", b"b"):
            stream.write(chunk)
        future.set_result(result())
        await stream.begun()
        assert stream.outcome is None
        assert [chunk async for chunk in stream] == [b"a", b"b"]
        assert (stream.content_type, stream.outcome) == ("text/plain", result())

    in_loop(scenario())


def test_a_whole_response_is_one_chunk() -> None:
    async def scenario() -> None:
        stream = ResponseStream(1)
        future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        stream.follow(future)
        future.set_result(result(b"[1]"))
        await stream.begun()
        assert stream.content_type == "application/json"
        assert [chunk async for chunk in stream] == [b"[1]"]

    in_loop(scenario())


def test_a_function_error_leaves_what_was_written_and_has_no_chunk_of_its_own() -> None:
    async def scenario() -> None:
        stream, _, future = opened()
        stream.write(b"a")
        future.set_result(result(b"{}", "Unhandled"))
        assert [chunk async for chunk in stream] == [b"a"]
        assert stream.outcome == result(b"{}", "Unhandled")

    in_loop(scenario())


def test_a_platform_error_before_the_first_byte_is_raised_at_once() -> None:
    async def scenario() -> None:
        stream = ResponseStream(1)
        future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        stream.follow(future)
        future.set_exception(SandboxError("none left"))
        with pytest.raises(SandboxError, match="none left"):
            await stream.begun()

    in_loop(scenario())


def test_a_platform_error_later_comes_behind_the_chunks() -> None:
    async def scenario() -> None:
        stream, _, future = opened()
        stream.write(b"a")
        future.set_exception(SandboxError("gone"))
        await asyncio.sleep(0)
        await stream.begun()
        assert await anext(stream) == b"a"
        with pytest.raises(SandboxError, match="gone"):
            await anext(stream)

    in_loop(scenario())


def test_a_reader_that_waits_gets_a_chunk_as_it_is_written() -> None:
    async def scenario() -> None:
        stream, _, _ = opened()
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        assert not reading.done()
        stream.write(b"a")
        assert await reading == b"a"

    in_loop(scenario())


def test_the_source_waits_for_a_slow_reader() -> None:
    async def scenario() -> None:
        stream, tap, _ = opened(4 * CHUNK_BYTES)
        for _ in range(3):
            stream.write(b"x")
        assert not tap.paused
        stream.write(b"x")
        assert tap.paused
        await anext(stream)
        assert tap.paused
        await anext(stream)
        await anext(stream)
        assert not tap.paused

    in_loop(scenario())


def test_the_source_goes_on_when_the_run_is_over() -> None:
    async def scenario() -> None:
        stream, tap, future = opened(1)
        stream.write(b"xx")
        assert tap.paused
        future.set_result(result())
        await asyncio.sleep(0)
        assert not tap.paused
        assert [chunk async for chunk in stream] == [b"xx"]

    in_loop(scenario())


def test_a_reader_that_leaves_is_not_waited_for() -> None:
    async def scenario() -> None:
        stream, tap, future = opened(1)
        stream.write(b"xx")
        await stream.aclose()
        await stream.aclose()
        assert not tap.paused
        stream.write(b"more")
        assert not tap.paused
        assert [chunk async for chunk in stream] == []
        future.set_result(result())

    in_loop(scenario())


@given(st.lists(st.one_of(st.binary(max_size=300), st.none()), max_size=60))
def test_nothing_is_lost_and_the_bound_holds(steps: list[bytes | None]) -> None:
    """Bytes are written, None is a read; a paused source writes nothing."""

    async def scenario() -> None:
        stream, tap, future = opened(1000)
        written, read = b"", b""
        for step in steps:
            if step is None:
                if len(read) < len(written):
                    read += await anext(stream)
            elif not tap.paused:
                stream.write(step)
                written += step
            assert len(written) - len(read) <= 1000 + 300
        future.set_result(result())
        read += b"".join([chunk async for chunk in stream])
        assert read == written
        assert not tap.paused

    asyncio.run(scenario())
