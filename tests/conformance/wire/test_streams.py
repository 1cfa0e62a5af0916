"""Every event stream that we write is read by botocore event by event, and errors in it too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.parsers import create_parser

from lambdad.core.errors import AwsError
from lambdad.wire.protocols.streams import EVENT_STREAM
from support import wire_oracle as oracle
from support.wire_values import structure, value

STREAMS = [
    (service, operation.name)
    for service in oracle.SERVICES
    for operation in oracle.operations(service)
    if operation.has_event_stream_output
]


class Raw:
    """urllib3's side of a streamed body."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def stream(self) -> Any:
        yield from self._chunks

    def close(self) -> None:
        pass


def answer(service: str, name: str, result: dict[str, Any]) -> tuple[Any, bytes]:
    """Our answer with its body read to the end."""
    oracle.router().preload([service])
    protocol = oracle.protocols(service)[0]
    compiled = oracle.router()._services[service].operation(protocol, name)
    assert compiled is not None
    response = compiled.serialize(result, "id")

    async def body() -> bytes:
        return b"".join([chunk async for chunk in response.body])

    return response, asyncio.run(body())


def read_events(service: str, name: str, stream: bytes, cut: int) -> tuple[Any, EventStream]:
    """botocore's reading, whatever the pieces in which the bytes arrive."""
    operation = oracle.service_model(service).operation_model(name)
    parser = create_parser(oracle.protocols(service)[0])
    shape = operation.get_event_stream_output()
    chunks = [stream[start : start + cut] for start in range(0, len(stream), cut)]
    events = EventStream(Raw(chunks), shape, parser._event_stream_parser, name)
    initial = None
    if oracle.protocols(service)[0] == "json":
        initial = events.get_initial_response().payload
    return initial, events


async def given(events: list[dict[str, Any]], error: AwsError | None = None) -> AsyncIterator[Any]:
    for event in events:
        yield event
    if error is not None:
        raise error


def test_there_are_streams_to_test() -> None:
    assert ("lambda", "InvokeWithResponseStream") in STREAMS
    assert ("logs", "StartLiveTail") in STREAMS
    assert ("s3", "SelectObjectContent") in STREAMS
    assert ("kinesis", "SubscribeToShard") in STREAMS


@pytest.mark.parametrize(("service", "name"), STREAMS)
def test_events_are_read_as_they_were_meant(service: str, name: str) -> None:
    operation = oracle.service_model(service).operation_model(name)
    medium = oracle.ANSWERS[oracle.protocols(service)[0]]
    union = operation.get_event_stream_output()
    kinds = [key for key, shape in union.members.items() if not shape.metadata.get("exception")]

    def case(draw: random.Random) -> None:
        events = []
        for kind in kinds * 2:
            made = value(union.members[kind], draw, medium)
            events.append({kind: made})
        result = structure(operation.output_shape, draw, medium)
        result[operation.output_shape.event_stream_name] = given(events)
        response, stream = answer(service, name, result)
        headers = dict(response.headers)
        assert "ResponseStreamContentType" in result or headers["Content-Type"] == EVENT_STREAM
        initial, read = read_events(service, name, stream, draw.randint(1, 40))
        assert initial in (None, b"{}")
        assert without_empty(read) == without_empty(events)

    oracle.explore(f"{service}.{name}", case)


def without_empty(events: Any) -> list[Any]:
    """Events with their empty payloads left out: a frame cannot tell them from none."""
    return [
        {kind: {key: item for key, item in members.items() if item not in (b"", {}, [], "")}}
        for event in events
        for kind, members in event.items()
    ]


def test_a_modelled_error_ends_the_stream_as_an_exception() -> None:
    class SessionTimeoutException(AwsError):
        code = "SessionTimeoutException"

    events = given([{"sessionStart": {"requestId": "r"}}], SessionTimeoutException("over"))
    _, stream = answer("logs", "StartLiveTail", {"responseStream": events})
    _, read = read_events("logs", "StartLiveTail", stream, 1000)
    received = iter(read)
    assert next(received) == {"sessionStart": {"requestId": "r"}}
    with pytest.raises(EventStreamError, match=r"SessionTimeoutException.*over"):
        next(received)


def test_any_other_error_ends_the_stream_too() -> None:
    class Odd(AwsError):
        code = "Odd"

    _, stream = answer("lambda", "InvokeWithResponseStream", {"EventStream": given([], Odd("no"))})
    _, read = read_events("lambda", "InvokeWithResponseStream", stream, 7)
    with pytest.raises(EventStreamError, match=r"Odd.*no"):
        next(iter(read))


def test_a_stream_that_is_given_up_closes_its_source() -> None:
    closed = []

    async def source() -> AsyncIterator[dict[str, Any]]:
        try:
            while True:
                yield {"PayloadChunk": {"Payload": b"x"}}
        finally:
            closed.append(True)

    async def scenario() -> None:
        oracle.router().preload(["lambda"])
        compiled = (
            oracle.router()._services["lambda"].operation("rest-json", "InvokeWithResponseStream")
        )
        body = compiled.serialize({"EventStream": source()}, "id").body
        await anext(body)
        await body.aclose()
        assert closed == [True]

    asyncio.run(scenario())
