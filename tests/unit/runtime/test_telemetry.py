"""Subscriptions, batches, and who gets which event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.environment import Rejected
from lambdad.runtime.telemetry_buffer import TelemetryBuffer
from lambdad.runtime.telemetry_feed import TelemetryFeed
from lambdad.runtime.telemetry_subscription import Subscription, parse_subscription
from support.functions import run

HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/in?a=1"}
MS = 1_000_000


def subscription(**changes: Any) -> Subscription:
    asked = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": HTTP} | changes
    return parse_subscription(json.dumps(asked).encode())


def problems(body: object) -> str:
    with pytest.raises(Rejected) as rejected:
        parse_subscription(json.dumps(body).encode())
    assert (rejected.value.status, rejected.value.error_type) == (400, "ValidationError")
    return rejected.value.message


def test_what_is_not_said_has_a_default() -> None:
    assert subscription(types=["function", "platform"]) == Subscription(
        ("platform", "function"), "HTTP", 8080, "/in?a=1", 10_000, 262_144, 1_000
    )


def test_all_that_can_be_said() -> None:
    buffering = {"maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 25}
    for destination in (
        {"protocol": "TCP", "port": 4000},
        {"protocol": "TCP", "URI": "tcp://sandbox.localdomain:4000"},
    ):
        assert subscription(destination=destination, buffering=buffering) == Subscription(
            ("platform",), "TCP", 4000, "/", 1000, 1_048_576, 25
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
    assert (report["record"]["droppedRecords"], report["record"]["droppedBytes"]) == (3, 300_000)
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


class Fetch:
    """A forwarder that waits."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def send_event(self, head: bytes, payload: bytes) -> None:
        assert head.endswith(b"Content-Length: %d\r\n\r\n" % len(payload))
        self.batches.append(json.loads(payload))


def test_each_gets_what_it_asked_for_from_the_start_of_init() -> None:
    async def scenario() -> None:
        feed = TelemetryFeed(ManualClock(), DEFAULT_LIMITS)
        feed.platform('{"type":"platform.initStart"}\n')
        feed.log("function", "early\n", 0)
        platform, logs = Fetch(), Fetch()
        feed.on_fetch(feed.subscribe("a", subscription()), platform)
        feed.on_fetch(feed.subscribe("b", subscription(types=["function"])), logs)
        feed.close_subscriptions()
        assert not feed.open
        feed.log("extension", "x", 0)
        feed.log("function", '{"level":"INFO"}\n', 0)
        feed.flush()
        assert platform.batches == [[{"type": "platform.initStart"}]]
        assert logs.batches == [
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
        feed = TelemetryFeed(ManualClock(), DEFAULT_LIMITS)
        first, second = Fetch(), Fetch()
        feed.on_fetch(feed.subscribe("a", subscription()), first)
        feed.on_fetch(feed.subscribe("a", subscription()), second)
        feed.platform("1\n")
        feed.flush()
        assert (first.batches, second.batches) == ([], [[1]])
        with pytest.raises(Rejected):
            feed.on_fetch(2, Fetch())
        feed.close()

    run(scenario())
