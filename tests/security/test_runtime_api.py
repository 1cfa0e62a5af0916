"""The Runtime API under attack by the function behind it: memory is the platform's, and bounded."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from pathlib import Path
from typing import Any, cast

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.connection import RESPONSE_MODE, Connection
from lambdad.runtime.environment import Rejected
from lambdad.runtime.extension_api import ExtensionEvents, route
from lambdad.runtime.purpose import ON_DEMAND
from lambdad.runtime.telemetry_events import event_lines
from lambdad.runtime.telemetry_feed import TelemetryFeed
from lambdad.runtime.telemetry_subscription import Subscription
from support.functions import make_version

HEAD = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MANY = 20_000


class Transport:
    """Takes everything, and can be hung up."""

    def __init__(self) -> None:
        self.closed = False

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        assert not self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Environment:
    """What is behind the connections of one sandbox; keeps the headers of each request."""

    limits = DEFAULT_LIMITS

    def __init__(self) -> None:
        self.buffered_bytes = 0
        self.buffer_bytes = DEFAULT_LIMITS.response_payload_bytes
        self.connections: set[Connection] = set()
        self.headers: dict[bytes, bytes] = {}
        self.streamed = 0

    def connect(self) -> tuple[Connection, Transport]:
        connection, transport = Connection(cast(Any, self)), Transport()
        connection.connection_made(cast(asyncio.Transport, transport))
        return connection, transport

    def route(self, connection: Connection) -> None:
        self.headers = connection.headers

    def await_body(self, connection: Connection) -> None: ...

    def break_body(self, connection: Connection) -> None: ...

    def begin(self, *_: object) -> None: ...

    def write(self, chunk: bytes) -> None:
        self.streamed += len(chunk)

    def open_stream(self, connection: Connection) -> Environment:
        return self

    def end_stream(self, connection: Connection) -> None:
        self.headers = connection.headers


@pytest.fixture
def environment() -> Environment:
    return Environment()


def test_telemetry_that_nobody_asked_for_yet_is_bounded() -> None:
    """Of the init phase all is kept for who subscribes later; a line may be long, and of letters
    that take four bytes each."""
    feed = TelemetryFeed(ManualClock(), DEFAULT_LIMITS, _nobody)
    size = DEFAULT_LIMITS.environment_log_line_bytes
    tracemalloc.start()
    for number in range(100):
        feed.log("function", "x" * size, number)
        feed.log("function", "\N{GRINNING FACE}" * (size // 4), number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * DEFAULT_LIMITS.telemetry_backlog_bytes


async def _nobody(port: int) -> socket.socket:
    raise ConnectionRefusedError


def test_subscriptions_without_end_are_refused() -> None:
    """Each begins with all that was kept of the init phase."""
    feed = TelemetryFeed(ManualClock(), DEFAULT_LIMITS, _nobody)
    subscription = Subscription(("extension",), "HTTP", 1, "/", 1000, 262_144, 1000, "Logs", "")
    version = make_version(Path("/code"))
    feed.lines_for = lambda subscription: event_lines(subscription, version, "stream", ON_DEMAND)
    made = 0
    while feed.open:
        feed.subscribe("same", subscription)
        made += 1
    assert made == 2 * DEFAULT_LIMITS.extensions


def many_headers() -> bytes:
    return b"".join(b"lambda-x-%d: 1\r\n" % number for number in range(MANY))


def test_headers_without_end_are_not_kept(environment: Environment) -> None:
    connection, _ = environment.connect()
    connection.data_received(HEAD + many_headers() + b"Content-Length: 0\r\n\r\n")
    assert 0 < len(environment.headers) <= 64


def test_trailers_without_end_are_not_kept(environment: Environment) -> None:
    connection, _ = environment.connect()
    connection.data_received(CHUNKED + b"1\r\nx\r\n0\r\n")
    connection.data_received(many_headers() + b"\r\n")
    assert 0 < len(environment.headers) <= 64


def test_trailers_of_many_connections_have_one_bound(environment: Environment) -> None:
    """Each could hold as much as a head may have, and nobody would count it."""
    transports = []
    part = DEFAULT_LIMITS.runtime_api_header_bytes // 2
    for _ in range(DEFAULT_LIMITS.runtime_api_connections):
        connection, transport = environment.connect()
        transports.append(transport)
        connection.data_received(CHUNKED + b"1\r\nx\r\n0\r\n")
        connection.data_received(b"lambda-long: " + b"y" * part)
    held = [each for each in transports if not each.closed]
    assert len(held) * part <= environment.buffer_bytes


def test_the_framing_of_a_long_stream_is_no_attack(environment: Environment) -> None:
    """A runtime may write sizes and parts of the body one by one, for as long as it streams."""
    connection, transport = environment.connect()
    mode = RESPONSE_MODE + b": streaming\r\n"
    connection.data_received(HEAD + mode + b"Transfer-Encoding: chunked\r\n\r\n")
    extension = b";" + b"e" * 65_000
    for _ in range(40):
        connection.data_received(b"1" + extension + b"\r\n")
        connection.data_received(b"x")
        connection.data_received(b"\r\n")
    connection.data_received(b"0\r\n\r\n")
    assert (environment.streamed, transport.closed) == (40, False)
    assert environment.buffered_bytes == 0


@pytest.mark.parametrize(
    ("action", "body"),
    [
        *(("exited", f'{{"name":null,"status":{n}}}') for n in ("4735", "1e999", "-1", "9" * 23)),
        *(("refused", f'{{"name":"x","errno":{n}}}') for n in ("1e999", "[]", "9" * 23)),
    ],
)
def test_a_process_that_ended_as_none_can_is_a_bad_request(
    environment: Environment, action: str, body: str
) -> None:
    """The conductor runs with the rights of the function: what it reports may be anything."""
    told: list[int] = []

    class Events:
        def on_process_exited(self, name: str | None, status: int) -> None:
            told.append(status)

        def on_not_launched(self, name: str, code: int) -> None:
            told.append(code)

    connection, _ = environment.connect()
    connection.route = None  # type: ignore[attr-defined]
    environment.route = lambda at: _routed(at, cast(ExtensionEvents, Events()))  # type: ignore
    connection.data_received(
        f"POST /lambdad/conductor/{action} HTTP/1.1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert told == []


def _routed(connection: Connection, events: ExtensionEvents) -> None:
    with pytest.raises(Rejected):
        route(connection, events)
