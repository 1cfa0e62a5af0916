"""Subscriptions, batches, and who gets which event."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.environment import Rejected
from lambdad.runtime.purpose import ON_DEMAND
from lambdad.runtime.telemetry_buffer import TelemetryBuffer
from lambdad.runtime.telemetry_events import event_lines
from lambdad.runtime.telemetry_feed import TelemetryFeed
from lambdad.runtime.telemetry_subscription import Subscription, parse_subscription
from support.functions import make_version, run
from support.patience import until

HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/in?a=1"}
MS = 1_000_000


def subscription(**changes: Any) -> Subscription:
    asked = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": HTTP} | changes
    return parse_subscription(json.dumps(asked).encode(), "Telemetry")


def problems(body: object, api: str = "Telemetry") -> str:
    with pytest.raises(Rejected) as rejected:
        parse_subscription(json.dumps(body).encode(), api)
    error_type = "Logs.ValidationError" if api == "Logs" else "ValidationError"
    assert (rejected.value.status, rejected.value.error_type) == (400, error_type)
    return rejected.value.message


def test_what_is_not_said_has_a_default() -> None:
    assert subscription(types=["function", "platform"]) == Subscription(
        ("platform", "function"),
        *("HTTP", 8080, "/in?a=1", 10_000, 262_144, 1_000, "Telemetry", "2022-12-13"),
    )


def test_all_that_can_be_said() -> None:
    buffering = {"maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 25}
    for destination in (
        {"protocol": "TCP", "port": 4000},
        {"protocol": "TCP", "URI": "tcp://sandbox.localdomain:4000"},
    ):
        assert subscription(destination=destination, buffering=buffering) == Subscription(
            ("platform",), "TCP", 4000, "/", 1000, 1_048_576, 25, "Telemetry", "2022-12-13"
        )


@pytest.mark.parametrize(
    ("api", "version", "problem"),
    [
        ("Telemetry", "2021-03-18", "one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ("Logs", "2022-12-13", "one of 2020-08-15, 2021-03-18"),
        ("Logs", None, "one of 2020-08-15, 2021-03-18"),
        ("Logs", [], "one of 2020-08-15, 2021-03-18"),
    ],
)
def test_each_api_has_its_schemas(api: str, version: object, problem: str) -> None:
    asked = {"types": ["function"], "destination": HTTP}
    assert parse_subscription(json.dumps(asked).encode(), api).api == api
    assert (
        problems({**asked, "schemaVersion": version}, api) == f"schemaVersion should be {problem}"
    )


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("http://sandbox.localdomain", "URI port is not provided"),
        ("http://sandbox.localdomain:9001", "port should not be 9001"),
        ("http://169.254.169.254:80", "URI should be http://sandbox.localdomain:<port>"),
        ("http://example.com:80/", "URI should be http://sandbox.localdomain:<port>"),
        ("http://sandbox:99999", "URI should be http://sandbox.localdomain:<port>"),
        ("http://sandbox:8080/a b", "URI should be http://sandbox.localdomain:<port>"),
        (7, "URI should be http://sandbox.localdomain:<port>"),
    ],
)
def test_telemetry_goes_nowhere_but_to_the_environment_itself(uri: object, problem: str) -> None:
    assert problems({"types": ["platform"], "destination": {"protocol": "HTTP", "URI": uri}}) == (
        problem
    )


def test_all_problems_are_told_at_once() -> None:
    uri = {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}
    assert problems({"destination": uri, "buffering": {"maxItems": 999, "timeoutMs": True}}) == (
        "types should not be empty; URI port is not provided; "
        "maxItems should be between 1000 and 10000; timeoutMs should be between 25 and 30000"
    )
    assert problems({"types": ["logs"], "destination": HTTP}) == (
        "types should be one of platform, function, extension"
    )
    assert problems([]) == "The request's body is not valid JSON"


def test_a_batch_is_due_when_its_first_event_is_old_enough() -> None:
    buffer = TelemetryBuffer(subscription(), 1_000_000)
    assert buffer.due_ns is None
    buffer.add(b"1", 5 * MS)
    buffer.add(b"2", 900 * MS)
    assert buffer.due_ns == 1005 * MS
    assert buffer.take(0) == b"[1,2]"
    assert buffer.due_ns is None


def test_a_batch_is_due_when_it_is_full() -> None:
    buffer = TelemetryBuffer(subscription(buffering={"maxItems": 1000}), 1_000_000)
    for _ in range(1001):
        buffer.add(b"1", MS)
    assert buffer.due_ns == 0
    assert len(json.loads(buffer.take(0))) == 1000
    assert buffer.take(0) == b"[1]"


def test_by_tcp_there_is_an_event_a_line() -> None:
    buffer = TelemetryBuffer(subscription(destination={"protocol": "TCP", "port": 1}), 1_000_000)
    buffer.add(b"1", 0)
    buffer.add(b"2", 0)
    assert buffer.take(0) == b"1\n2\n"


def test_what_a_subscriber_does_not_take_is_dropped_and_told() -> None:
    buffer = TelemetryBuffer(subscription(), 262_144)
    for _ in range(5):
        buffer.add(b'"' + b"x" * 99_998 + b'"', 0)
    report, *events = json.loads(buffer.take(0))
    assert report["type"] == "platform.logsDropped"
    assert report["record"] == {
        "reason": "Some logs were dropped because the downstream consumer is slower than the logs "
        "production rate",
        "droppedRecords": 3,
        "droppedBytes": 300_000,
    }
    assert len(events) == 2
    buffer.add(b"1", 0)
    assert buffer.take(0) == b"[1]"


@given(st.lists(st.integers(1, 400_000), max_size=30))
def test_batches_keep_to_their_size(sizes: list[int]) -> None:
    buffer = TelemetryBuffer(subscription(), 20_000_000)
    for size in sizes:
        buffer.add(b"1" * size, 0)
    seen = []
    while buffer.due_ns is not None:
        batch = [len(event) for event in buffer.take(0)[1:-1].split(b",")]
        assert len(batch) == 1 or sum(batch) <= 262_144
        seen += batch
    assert seen == sizes


class Listener:
    """Subscribers, by port, and what came for them."""

    def __init__(self) -> None:
        self.batches: dict[int, list[Any]] = {}
        self.refusals = 0
        """Of so many connections that come next."""
        self._serving: list[asyncio.Task[None]] = []

    async def connect(self, port: int) -> socket.socket:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self._serving.append(asyncio.ensure_future(self._serve(port, theirs)))
        return ours

    async def _serve(self, port: int, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("POST /in?a=1 HTTP/1.1\r\n")
        length = int(head.partition("Content-Length: ")[2].split()[0])
        body = json.loads(await reader.readexactly(length))
        self.batches.setdefault(port, []).append(body)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async def until(self, count: int) -> None:
        """So many batches came."""
        await until(lambda: sum(map(len, self.batches.values())) >= count)


def make_feed(clock: ManualClock, listener: Listener) -> TelemetryFeed:
    feed = TelemetryFeed(clock, DEFAULT_LIMITS, listener.connect)
    version = make_version(Path("/code"), log_format="JSON")
    feed.lines_for = lambda subscription: event_lines(subscription, version, "stream", ON_DEMAND)
    return feed


def at(port: int, **changes: Any) -> Subscription:
    uri = f"http://sandbox.localdomain:{port}/in?a=1"
    return subscription(destination={"protocol": "HTTP", "URI": uri}, **changes)


def test_each_gets_what_it_asked_for_from_the_start_of_init() -> None:
    async def scenario() -> None:
        listener = Listener()
        feed = make_feed(ManualClock(), listener)
        feed.platform(lambda lines: '{"type":"platform.initStart"}\n')
        feed.log("function", "early\n", 0)
        feed.subscribe("a", at(1))
        feed.subscribe("b", at(2, types=["function"]))
        feed.close_subscriptions()
        assert (feed.open, feed.subscribed) == (False, True)
        feed.log("extension", "x", 0)
        feed.log("function", '{"level":"INFO"}\n', 0)
        feed.flush()
        await listener.until(2)
        assert listener.batches[1] == [[{"type": "platform.initStart"}]]
        assert listener.batches[2] == [
            [
                {"time": "1970-01-01T00:00:00.000Z", "type": "function", "record": "early"},
                {
                    "time": "1970-01-01T00:00:00.000Z",
                    "type": "function",
                    "record": {"level": "INFO"},
                },
            ]
        ]
        feed.close()

    run(scenario())


def test_a_later_subscription_takes_the_place_of_the_earlier_one() -> None:
    async def scenario() -> None:
        listener = Listener()
        feed = make_feed(ManualClock(), listener)
        feed.subscribe("a", at(1))
        feed.subscribe("a", at(2))
        feed.platform(lambda lines: "1\n")
        feed.flush()
        await listener.until(1)
        assert listener.batches == {2: [[1]]}
        feed.close()

    run(scenario())


def test_one_batch_is_on_its_way_at_a_time_and_none_is_lost() -> None:
    async def scenario() -> None:
        listener = Listener()
        clock = ManualClock()
        feed = make_feed(clock, listener)
        feed.subscribe("a", at(1))
        listener.refusals = 1
        feed.platform(lambda lines: "1\n")
        feed.flush()
        feed.platform(lambda lines: "2\n")
        feed.flush()
        clock.advance(1.0)
        await listener.until(2)
        assert listener.batches[1] == [[1], [2]]
        feed.close()

    run(scenario())


def test_nothing_is_delivered_after_the_end() -> None:
    async def scenario() -> None:
        listener = Listener()
        before = asyncio.all_tasks()
        feed = make_feed(ManualClock(), listener)
        feed.subscribe("a", at(1))
        listener.refusals = 1
        feed.platform(lambda lines: "1\n")
        feed.flush()
        feed.close()
        feed.platform(lambda lines: "2\n")
        feed.flush()
        assert not feed.subscribed
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    run(scenario())
