"""The Runtime API on the wire: exact answers, and clients that mean harm."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import replace
from lambdad.runtime.api import RuntimeApi
from lambdad.runtime.connection import Next
from lambdad.runtime.environment import Rejected
from lambdad.runtime.invocation import Sink, Source
from support.functions import run
from support.patience import PATIENCE_S, until

LIMITS = replace(
    DEFAULT_LIMITS,
    response_payload_bytes=100_000,
    runtime_api_connections=5,
    runtime_api_header_bytes=50_000,
)
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)


class Events:
    """RuntimeEvents that writes down what it is told. `refusal` is raised once."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.waiting: list[Next] = []
        self.streams = False
        """Whether somebody wants streamed responses part by part."""
        self.chunks = b""
        self.source: Source | None = None
        self.refusal: Rejected | None = None

    def _note(self, *call: object) -> None:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self.calls.append(call)

    def on_next(self, waiting: Next) -> None:
        self._note("next")
        self.waiting.append(waiting)

    def on_next_abandoned(self, waiting: Next) -> None:
        if waiting in self.waiting:
            self.waiting.remove(waiting)
        self.calls.append(("abandoned",))

    def on_response_begun(self, request_id: str) -> None:
        """Nothing to write down."""

    def on_response_broken(self, request_id: str) -> None:
        self.calls.append(("response broken", request_id))

    def on_response(self, request_id: str, payload: bytes) -> None:
        self._note("response", request_id, payload)

    def on_response_too_large(self, request_id: str) -> None:
        self._note("too large", request_id)

    def on_invalid_response_mode(self, request_id: str) -> None:
        self._note("mode", request_id)

    def on_error(self, request_id: str, error_type: str, payload: bytes) -> None:
        self._note("error", request_id, error_type, payload)

    def on_init_error(self, error_type: str, payload: bytes) -> None:
        self._note("init error", error_type, payload)

    def on_stream(self, request_id: str, content_type: str, source: Source) -> Sink | None:
        if not self.streams:
            return None
        self._note("stream", request_id, content_type)
        self.source = source
        return self

    def begin(self, content_type: str, source: Source) -> None:
        raise AssertionError("the supervisor's to call")

    def write(self, chunk: bytes) -> None:
        self.chunks += chunk

    def on_stream_end(self, error_type: str | None, payload: bytes) -> None:
        self._note("end", error_type, payload)

    def on_stream_too_large(self) -> None:
        self._note("stream too large")

    def on_stream_broken(self) -> None:
        self.calls.append(("broken",))


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, data: bytes, size: int | None = None) -> bytes:
        """Send, and read `size` bytes, or what comes first."""
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE_S):
            return await (self.reader.readexactly(size) if size else self.reader.read(65536))

    async def gone(self) -> bool:
        """Whether the server hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        return True


Scenario = Callable[[Events, Callable[[], Awaitable[Client]], RuntimeApi], Awaitable[None]]


def serve(scenario: Scenario, limits: Limits = LIMITS, events: Events | None = None) -> None:
    """Run a scenario against a served API."""
    events = events or Events()

    async def main() -> None:
        api = RuntimeApi(events, events, events, limits)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        await api.serve(listener)
        clients = []

        async def connect() -> Client:
            client = Client(*await asyncio.open_connection(*listener.getsockname()))
            clients.append(client)
            return client

        try:
            await scenario(events, connect, api)
        finally:
            for client in clients:
                client.writer.transport.abort()
            api.close()
            await until(lambda: not api.connections)
            listener.close()
        assert api.buffered_bytes == 0

    run(main())


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def test_next_waits_for_its_event() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.write(NEXT)
        await until(lambda: events.waiting)
        events.waiting.pop().send_event(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}")
        assert await client.ask(b"") == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        assert await client.ask(post("invocation/a/response", b"1")) == ACCEPTED
        assert events.calls == [("next",), ("response", "a", b"1")]

    serve(scenario)


AND_NEXT = "Lambdad-And-Next: yes"


async def asked(events: Events) -> Next:
    """The request for the next event that comes."""
    await until(lambda: events.waiting)
    return events.waiting.pop()


def test_a_result_that_is_answered_with_the_next_event() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        for _ in range(2):
            client.writer.write(post("invocation/a/response", b"1", AND_NEXT))
            (await asked(events)).send_event(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}")
            assert await client.ask(b"") == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        assert events.calls == [("response", "a", b"1"), ("next",)] * 2
        client.writer.write(post("invocation/a/response", b"1", AND_NEXT))
        await asked(events)
        client.writer.write(b"x")  # behind a request that waits
        assert await client.gone()

    serve(scenario)


def test_a_refused_result_asks_for_nothing() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        events.refusal = Rejected(400, "InvalidRequestID", "Invalid request ID")
        answer = await client.ask(post("invocation/b/response", b"1", AND_NEXT))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        answer = await client.ask(post("invocation/b/response", b"x" * 300_000, AND_NEXT))
        assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
        assert events.calls == [("too large", "b")]
        assert await client.ask(post("invocation/a/response", b"1")) == ACCEPTED

    serve(scenario)


def test_a_next_event_that_is_refused_after_its_result_was_taken() -> None:
    class Refusing(Events):
        def on_response(self, request_id: str, payload: bytes) -> None:
            super().on_response(request_id, payload)
            self.refusal = Rejected(403, "InvalidStateTransition", "no")

    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        answer = await client.ask(post("invocation/a/response", b"1", AND_NEXT))
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert events.calls == [("response", "a", b"1")]

    serve(scenario, events=Refusing())


def test_an_environment_that_ends_with_its_result_is_not_asked_for_an_event() -> None:
    class Ending(Events):
        end: Callable[[], None]

        def on_response(self, request_id: str, payload: bytes) -> None:
            super().on_response(request_id, payload)
            asyncio.get_running_loop().call_soon(self.end)

    async def scenario(events: Ending, connect: Callable, api: RuntimeApi) -> None:
        events.end = api.close
        client = await connect()
        client.writer.write(post("invocation/a/response", b"1", AND_NEXT))
        assert await client.gone()
        assert ("next",) not in events.calls

    serve(scenario, events=Ending())


def test_bodies_in_chunks_with_trailers() -> None:
    payload = b'{"errorType":"E","errorMessage":"m"}'
    trailers = (
        b"Lambda-Runtime-Function-Error-Type: Function.E\r\n"
        b"Lambda-Runtime-Function-Error-Body: " + base64.b64encode(payload) + b"\r\n"
    )
    head = (
        b"POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nHost: x\r\n"
        b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
        b"Trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n"
    )

    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        assert await client.ask(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") == ACCEPTED
        assert await client.ask(head + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n") == ACCEPTED
        assert events.calls == [("response", "a", b"abcde"), ("error", "a", "Function.E", payload)]

    serve(scenario)


def test_many_tiny_chunks_are_counted_by_what_they_hold() -> None:
    head = (
        b"POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nHost: x\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )

    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        body = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
        assert await client.ask(head + body) == ACCEPTED
        assert events.calls == [("response", "a", b"x" * 100_000)]

    serve(scenario)


def test_rubys_content_type_changes_nothing() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        form = "Content-Type: application/x-www-form-urlencoded"
        assert await client.ask(post("invocation/a/response", b'{"a":"b&c=%20"}', form)) == ACCEPTED
        assert events.calls == [("response", "a", b'{"a":"b&c=%20"}')]

    serve(scenario)


def test_errors_and_init_errors() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        header = "lambda-runtime-function-error-type: Runtime.X"
        assert await client.ask(post("invocation/a/error", b"{}", header)) == ACCEPTED
        assert await client.ask(post("init/error", b"{}", header)) == ACCEPTED
        assert await client.ask(post("invocation/a/error", b"{}")) == ACCEPTED
        assert events.calls == [
            ("error", "a", "Runtime.X", b"{}"),
            ("init error", "Runtime.X", b"{}"),
            ("error", "a", "", b"{}"),
        ]

    serve(scenario)


def test_refusals_are_answered_and_the_connection_goes_on() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        events.refusal = Rejected(400, "InvalidRequestID", "Invalid request ID")
        answer = await client.ask(post("invocation/b/response", b"1"))
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
        assert answer.endswith(
            b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'
        )
        events.refusal = Rejected(403, "InvalidStateTransition", "no")
        assert (await client.ask(NEXT)).startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert await client.ask(post("invocation/a/response", b"1")) == ACCEPTED

    serve(scenario)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_cap_is_read_to_its_end_and_refused(chunked: bool) -> None:
    body = b"x" * 300_000
    if chunked:
        data = (
            b"POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        )
    else:
        data = post("invocation/a/response", body)

    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        answer = await client.ask(data)
        assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
        assert b'"errorType":"RequestEntityTooLarge"' in answer
        assert events.calls == [("too large", "a")]
        assert await client.ask(post("invocation/a/response", b"1")) == ACCEPTED

    serve(scenario)


def test_unknown_response_mode() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        header = "Lambda-Runtime-Function-Response-Mode: telepathy"
        answer = await client.ask(post("invocation/a/response", b"1", header))
        assert b'"errorType":"InvalidFunctionResponseMode"' in answer
        assert events.calls == [("mode", "a")]

    serve(scenario)


def test_curl_waits_for_100_continue() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        data = post("invocation/a/response", b"x" * 5000, "Expect: 100-continue")
        assert await client.ask(data[:-5000]) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert await client.ask(data[-5000:]) == ACCEPTED

    serve(scenario)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /", 404),
        (b"GET /2018-06-01/runtime/invocation/next/", 404),
        (b"GET /2018-06-01/runtime/invocation/../../x", 404),
        (b"POST /2018-06-01/runtime/invocation/next", 405),
        (b"GET /2018-06-01/runtime/invocation/a/response", 405),
        (b"DELETE /2018-06-01/runtime/init/error", 405),
        (b"GET /2018-06-01/ping", 200),
    ],
)
def test_other_paths_and_methods(request_line: bytes, status: int) -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        answer = await client.ask(request_line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert events.calls == []

    serve(scenario)


# -- clients that mean harm -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET /2018-06-01/runtime/invocation/next HTTP/9.9\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"GET / HTTP/1.1\r\nBad Header: 1\r\n\r\n",
    ],
)
def test_garbage_is_refused_and_hung_up_on(garbage: bytes) -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        assert (await client.ask(garbage)).startswith(b"HTTP/1.1 400 ")
        assert await client.gone()
        assert events.calls == []

    serve(scenario)


def test_endless_headers_are_cut_off() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.write(b"GET /x HTTP/1.1\r\nA: ")
        with contextlib.suppress(RuntimeError):  # uvloop's word for a closed connection
            for _ in range(20):
                client.writer.write(b"x" * 10_000)
                await asyncio.sleep(0)
        assert await client.gone()

    serve(scenario)


def test_connections_are_few_and_come_back() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        clients = [await connect() for _ in range(LIMITS.runtime_api_connections)]
        await clients[-1].ask(b"GET /2018-06-01/ping HTTP/1.1\r\n\r\n")
        assert await (await connect()).gone()
        clients[0].writer.transport.abort()
        while len(api.connections) == LIMITS.runtime_api_connections:
            await asyncio.sleep(0.001)
        assert b"pong" in await (await connect()).ask(b"GET /2018-06-01/ping HTTP/1.1\r\n\r\n")

    serve(scenario)


def test_what_half_sent_bodies_hold_is_bounded_over_all_connections() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        head = post("invocation/a/response", b"")[:-5] + b"90000\r\n\r\n"
        clients = [await connect() for _ in range(4)]
        for client in clients:
            client.writer.write(head + b"x" * 80_000)
            await asyncio.sleep(0.02)
            assert api.buffered_bytes <= api.buffer_bytes
        await until(lambda: len(api.connections) < len(clients))
        assert api.buffered_bytes <= api.buffer_bytes

    serve(scenario)


def test_requests_pipelined_behind_next_end_the_connection() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.write(NEXT + post("invocation/a/response", b"1"))
        assert await client.gone()
        assert events.calls == [("next",), ("abandoned",)]
        other = await connect()
        other.writer.write(NEXT)
        await until(lambda: events.waiting)
        other.writer.write(b"x")
        assert await other.gone()

    serve(scenario)


def test_pipelined_posts_are_answered_in_order() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        data = b"".join(post(f"invocation/{name}/response", b"1") for name in "abc")
        assert await client.ask(data, 3 * len(ACCEPTED)) == ACCEPTED * 3
        assert [call[1] for call in events.calls] == ["a", "b", "c"]

    serve(scenario)


def test_a_client_that_never_reads_is_dropped() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.transport.pause_reading()
        request = post("invocation/a/response", b"")
        async with asyncio.timeout(PATIENCE_S):
            while not client.writer.transport.is_closing():
                client.writer.write(request * 2000)
                try:
                    await client.writer.drain()
                except ConnectionError:
                    break
                if not api.connections:
                    break
                await asyncio.sleep(0)

    serve(scenario)


def test_hanging_up_while_waiting_is_noticed() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.write(NEXT)
        await until(lambda: events.waiting)
        client.writer.transport.abort()
        await until(lambda: not events.waiting)
        assert events.calls[-1] == ("abandoned",)

    serve(scenario)


STREAM_HEAD = (
    b"POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nHost: x\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: text/x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


async def received(events: Events, size: int) -> None:
    await until(lambda: len(events.chunks) >= size)


def test_a_streamed_body_is_passed_on_as_it_comes() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        events.streams = True
        client = await connect()
        client.writer.write(STREAM_HEAD + b"3\r\nabc\r\n")
        await received(events, 3)
        assert events.calls == [("stream", "a", "text/x")]
        assert await client.ask(b"1\r\nd\r\n0\r\n\r\n") == ACCEPTED
        assert events.chunks == b"abcd"
        assert events.calls[1:] == [("end", None, b"")]

    serve(scenario)


def test_a_paused_source_is_not_read() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        events.streams = True
        client = await connect()
        client.writer.write(STREAM_HEAD + b"3\r\nabc\r\n")
        await received(events, 3)
        assert events.source is not None
        events.source.pause()
        client.writer.write(b"1\r\nd\r\n0\r\n\r\n")
        for _ in range(200):
            await asyncio.sleep(0)
        assert events.chunks == b"abc"
        events.source.resume()
        assert await client.ask(b"") == ACCEPTED

    serve(scenario)


def test_a_refused_stream_is_read_to_its_end_and_reaches_nobody() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        events.streams = True
        events.refusal = Rejected(400, "InvalidRequestID", "Invalid request ID")
        client = await connect()
        answer = await client.ask(STREAM_HEAD + b"3\r\nabc\r\n0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert (events.calls, events.chunks) == ([], b"")
        assert (await client.ask(post("invocation/a/response", b"1"))) == ACCEPTED

    serve(scenario)


def test_a_stream_that_is_too_long() -> None:
    limits = replace(LIMITS, streamed_response_bytes=4)

    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        events.streams = True
        client = await connect()
        answer = await client.ask(STREAM_HEAD + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
        assert events.chunks == b"abc"
        assert events.calls[1:] == [("stream too large",)]

    serve(scenario, limits)


def test_a_client_that_hangs_up_midway() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        events.streams = True
        client = await connect()
        client.writer.write(STREAM_HEAD + b"3\r\nabc\r\n")
        await received(events, 3)
        client.writer.transport.abort()
        await until(lambda: ("broken",) in events.calls)

    serve(scenario)


def test_endless_trailers_cost_bounded_memory() -> None:
    async def scenario(events: Events, connect: Callable, api: RuntimeApi) -> None:
        client = await connect()
        client.writer.write(STREAM_HEAD + b"1\r\na\r\n0\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.writer.write(b"Lambda-X: " + b"x" * 10_000 + b"\r\n")
                await client.writer.drain()
        assert await client.gone()
        assert events.calls == [("response broken", "a")]

    serve(scenario)
