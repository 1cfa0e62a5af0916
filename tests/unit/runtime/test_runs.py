"""Streamed responses, from the runtime's connection to the caller; the test plays the runtime."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable

import pytest

from lambdad.runtime.invocation import InvokeResult
from lambdad.runtime.response_stream import ResponseStream
from lambdad.runtime.runs import _TRUNCATED_AFTER_S
from lambdad.sandbox.driver import Exit
from support.functions import Bench, make_request, run, running
from support.sandboxes import Event, Play, PlayedDriver, Runtime, echo

STREAMING = {
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    "Content-Type": "text/plain",
}
TOO_LARGE = {
    "errorMessage": "Response payload size exceeded maximum allowed payload size (1000 bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}


async def begin(runtime: Runtime, event: Event, **headers: str) -> None:
    await runtime.begin(f"invocation/{event.request_id}/response", STREAMING | headers)


async def open_stream(bench: Bench, **changes: object) -> ResponseStream:
    version = bench.python("", **changes)
    return await bench.invoker.stream(version, make_request(version, {}, tail=True))


async def rest(stream: ResponseStream) -> tuple[bytes, InvokeResult]:
    chunks = b"".join([chunk async for chunk in stream])
    assert stream.outcome is not None
    return chunks, stream.outcome


def played(play: Play, scenario: Callable[[Bench, PlayedDriver], object], **limits: int) -> None:
    async def main() -> None:
        driver = PlayedDriver(play, echo)
        async with running(driver, **limits) as bench:
            await scenario(bench, driver)  # type: ignore[misc]

    run(main())


def test_a_chunk_arrives_while_the_function_runs() -> None:
    go_on = asyncio.Event()

    async def two_parts(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"first")
        await go_on.wait()
        await runtime.chunk(b"last")
        assert (await runtime.finish())[0] == 202
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        stream = await open_stream(bench)
        assert (stream.content_type, await anext(stream)) == ("text/plain", b"first")
        go_on.set()
        chunks, outcome = await rest(stream)
        assert chunks == b"last"
        assert (outcome.function_error, outcome.error_type) == (None, None)
        assert b"END RequestId" in (outcome.log_tail or b"")

    played(two_parts, scenario)


def test_an_environment_is_used_again_after_a_stream() -> None:
    async def one_part(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"x")
        await runtime.finish()
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        version = bench.python("")
        stream = await bench.invoker.stream(version, make_request(version))
        assert (await rest(stream))[0] == b"x"
        assert await bench.answer(version, 7) == 7
        assert len(driver.sandboxes) == 1

    played(one_part, scenario)


def test_the_runtime_waits_for_a_reader_that_is_behind() -> None:
    sent = 0
    pushed = asyncio.Event()

    async def endless(runtime: Runtime) -> None:
        nonlocal sent
        event = await runtime.next()
        await begin(runtime, event)
        for _ in range(40):
            await runtime.chunk(b"x" * 1_000_000)
            sent += 1
        pushed.set()
        await runtime.finish()
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        stream = await open_stream(bench, timeout_s=30)
        for _ in range(2000):
            await asyncio.sleep(0)
        assert not pushed.is_set()
        assert sent < 40
        chunks, outcome = await rest(stream)
        assert (len(chunks), outcome.function_error) == (40_000_000, None)

    played(endless, scenario)


def test_an_error_midway_is_in_the_trailers() -> None:
    payload = b'{"errorMessage":"no","errorType":"E"}'

    async def fail(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event, Trailer="Lambda-Runtime-Function-Error-Type")
        await runtime.chunk(b"x")
        body = base64.b64encode(payload).decode()
        trailers = {
            "Lambda-Runtime-Function-Error-Type": "E",
            "Lambda-Runtime-Function-Error-Body": body,
        }
        assert (await runtime.finish(trailers))[0] == 202
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        chunks, outcome = await rest(await open_stream(bench))
        assert chunks == b"x"
        assert (outcome.function_error, outcome.error_type) == ("Unhandled", "E")
        assert outcome.payload == payload

    played(fail, scenario)


def test_the_end_of_the_process_midway() -> None:
    async def die(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"x")
        runtime.exit(Exit(3, None))

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        chunks, outcome = await rest(await open_stream(bench))
        assert chunks == b"x"
        assert (outcome.function_error, outcome.error_type) == ("Unhandled", "Runtime.ExitError")
        message = json.loads(outcome.payload)["errorMessage"]
        assert message.endswith("Error: Runtime exited with error: exit status 3")

    played(die, scenario)


def test_a_runtime_that_hangs_up_midway_and_lives_has_cut_its_response_short() -> None:
    async def hang_up(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"x")
        runtime.hang_up()
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        chunks, outcome = await rest(await open_stream(bench))
        assert (chunks, outcome.error_type) == (b"x", "Runtime.TruncatedResponse")

    played(hang_up, scenario)


async def cut_off(runtime: Runtime, body: str, size: str) -> None:
    """A response that ends before its end, and whose runtime asks for the next event."""
    event = await runtime.next()
    headers = {"Expect": "100-continue"}
    path = f"invocation/{event.request_id}/response"
    if size == "chunked":
        await runtime.begin(path, headers)
    else:
        await runtime.promise(path, int(size), headers)
    assert (await runtime.receive())[0] == 100
    if size == "chunked" and body:
        await runtime.chunk(body.encode())
    else:
        await runtime.write(body.encode())
    runtime.hang_up()


@pytest.mark.parametrize("body", ["", "[1,"])
@pytest.mark.parametrize("size", ["5", "chunked"])
def test_a_response_that_is_cut_off_is_none(body: str, size: str) -> None:
    """Too short for its Content-Length, or without its last chunk."""

    async def play(runtime: Runtime) -> None:
        await cut_off(runtime, body, size)
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        version = bench.python("", timeout_s=30)
        result = await bench.invoke(version)
        assert (result.function_error, result.error_type) == (
            "Unhandled",
            "Runtime.TruncatedResponse",
        )
        error = json.loads(result.payload)
        assert error["errorType"] == "Runtime.TruncatedResponse"
        assert error["errorMessage"].endswith(" Error: Response was truncated")
        line = "Status: error\tError Type: Runtime.TruncatedResponse\t\n"
        assert line in bench.log.text(version.name)
        assert await bench.answer(version, 7) == 7

    played(play, scenario)


def test_a_process_that_ends_in_the_middle_of_its_response_is_told_as_that() -> None:
    async def play(runtime: Runtime) -> None:
        await cut_off(runtime, "[1,", "5")
        runtime.exit(Exit(3, None))

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        result = await bench.invoke(bench.python("", timeout_s=30))
        assert result.error_type == "Runtime.ExitError"

    played(play, scenario)


def test_a_runtime_that_neither_dies_nor_asks_has_cut_it_off_too() -> None:
    async def play(runtime: Runtime) -> None:
        await cut_off(runtime, "[1,", "5")
        await asyncio.sleep(30)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        result = await bench.invoke(bench.python("", timeout_s=30))
        assert result.error_type == "Runtime.TruncatedResponse"

    played(play, scenario)


def test_another_requests_half_response_ends_nothing() -> None:
    async def play(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.promise("invocation/another/response", 5, {"Expect": "100-continue"})
        assert (await runtime.receive())[0] == 100
        runtime.hang_up()
        await asyncio.sleep(2 * _TRUNCATED_AFTER_S)
        assert await runtime.respond(event, b"1") == 202
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        assert await bench.answer(bench.python("", timeout_s=30)) == 1

    played(play, scenario)


def test_the_time_is_up_midway() -> None:
    async def dawdle(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"x")
        await asyncio.sleep(60)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        chunks, outcome = await rest(await open_stream(bench, timeout_s=1))
        assert (chunks, outcome.error_type) == (b"x", "Sandbox.Timedout")
        assert outcome.duration_ms == 1000.0
        assert driver.sandboxes[0].killed

    played(dawdle, scenario)


def test_a_stream_has_a_limit_of_its_own() -> None:
    statuses = []

    async def gush(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        for _ in range(3):
            await runtime.chunk(b"x" * 400)
        statuses.append((await runtime.finish())[0])
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        version = bench.python("")
        stream = await bench.invoker.stream(version, make_request(version))
        chunks, outcome = await rest(stream)
        assert (chunks, json.loads(outcome.payload)) == (b"x" * 800, TOO_LARGE)
        assert await bench.answer(version, 1) == 1
        assert statuses == [413]

    played(gush, scenario, streamed_response_bytes=1000)


def test_the_caller_of_a_whole_response_gets_a_stream_collected() -> None:
    async def two_parts(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        await runtime.chunk(b"[1,")
        await runtime.chunk(b"2]")
        assert (await runtime.finish())[0] == 202
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        assert await bench.answer(bench.python("")) == [1, 2]

    played(two_parts, scenario)


def test_nothing_else_is_allowed_in_the_middle_of_a_stream() -> None:
    seen: list[tuple[int, dict[str, str]]] = []

    async def talk_twice(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        other = Runtime(runtime.sandbox)
        path = f"invocation/{event.request_id}"
        for method, where in (("POST", "/response"), ("POST", "/error")):
            status, _, body = await other.call(method, path + where, b"{}")
            seen.append((status, json.loads(body)))
        status, _, body = await other.call("GET", "invocation/next")
        seen.append((status, json.loads(body)))
        other.hang_up()
        await runtime.finish()
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        await rest(await open_stream(bench))
        targets = ("InvocationResponse", "InvocationErrorResponse", "Ready")
        assert seen == [
            (
                403,
                {
                    "errorMessage": f"State transition from InvocationResponse to {target} failed "
                    "for runtime. Error: State transition is not allowed",
                    "errorType": "InvalidStateTransition",
                },
            )
            for target in targets
        ]

    played(talk_twice, scenario)


def test_a_late_stream_of_an_earlier_request_reaches_nobody() -> None:
    statuses: list[int] = []

    async def late(runtime: Runtime) -> None:
        first = await runtime.next()
        await runtime.respond(first, b"1")
        second = await runtime.next()
        await begin(runtime, first)
        await runtime.chunk(b"of the first")
        statuses.append((await runtime.finish())[0])
        await runtime.respond(second, b"2")
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        version = bench.python("")
        assert await bench.answer(version) == 1
        stream = await bench.invoker.stream(version, make_request(version))
        assert (await rest(stream))[0] == b"2"
        assert statuses == [400]

    played(late, scenario)


def test_a_function_goes_on_when_its_reader_has_left() -> None:
    ended = asyncio.Event()

    async def long_one(runtime: Runtime) -> None:
        event = await runtime.next()
        await begin(runtime, event)
        for _ in range(20):
            await runtime.chunk(b"x" * 1_000_000)
        assert (await runtime.finish())[0] == 202
        ended.set()
        await echo(runtime)

    async def scenario(bench: Bench, driver: PlayedDriver) -> None:
        stream = await open_stream(bench, timeout_s=30)
        await anext(stream)
        await stream.aclose()
        await ended.wait()

    played(long_one, scenario)
