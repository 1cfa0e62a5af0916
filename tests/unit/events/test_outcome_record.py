"""What destinations and dead-letter queues are told (recorded, semantics §3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.events.outcome_record import dead_letter_attributes, destination_record
from lambdad.invoke.event_queue import AsyncEvent
from lambdad.invoke.retry import Condition, Over, Progress
from lambdad.runtime.invocation import InvokeResult

ACCOUNT, REGION = AccountId("123456789012"), Region("us-east-1")
EVENT = AsyncEvent(ACCOUNT, REGION, "f", None, RequestId("r"), "arn", "", Progress(0))
NOW_MS = 1_763_144_165_568


def result(payload: bytes, error: str | None = None) -> InvokeResult:
    return InvokeResult(payload, error, "7", None, 1.0, 1)


def record_of(over: Over, answer: InvokeResult | None, payload: bytes = b"1") -> Any:
    return json.loads(destination_record(EVENT, payload, over, answer, NOW_MS))


def test_an_event_that_never_ran() -> None:
    over = Over(Condition.EVENT_AGE_EXCEEDED, Progress(0, attempts=0, refusals=9))
    assert record_of(over, None, b"") == {
        "version": "1.0",
        "timestamp": "2025-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": "r",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "EventAgeExceeded",
            "approximateInvokeCount": 0,
        },
        "requestPayload": {},
    }


@pytest.mark.parametrize(
    ("payload", "shown"),
    [(b'{"a":1}', {"a": 1}), (b"", None), (b"no json", "no json"), (b"\xff", "\ufffd")],
)
def test_whatever_the_function_answered_the_record_is_json(payload: bytes, shown: Any) -> None:
    over = Over(Condition.SUCCESS, Progress(0, attempts=1))
    record = record_of(over, result(payload))
    assert record["responsePayload"] == shown
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "7"}


MESSAGES = [
    (b'{"errorMessage": "no"}', "no"),
    (json.dumps({"errorMessage": "é" * 1000}).encode(), "é" * 512),
    (b'{"errorMessage": ""}', "RetriesExhausted"),
    (b'{"errorMessage": 5}', "RetriesExhausted"),
    (b"[]", "RetriesExhausted"),
    (b"no json", "RetriesExhausted"),
]


@pytest.mark.parametrize(("payload", "message"), MESSAGES)
def test_the_error_message_of_a_dead_letter_is_short_and_never_empty(
    payload: bytes, message: str
) -> None:
    over = Over(Condition.RETRIES_EXHAUSTED, Progress(0, attempts=3))
    assert dead_letter_attributes(EVENT, over, result(payload, "Unhandled")) == {
        "RequestID": {"DataType": "String", "StringValue": "r"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": message},
    }


def test_a_dead_letter_of_an_event_that_never_ran() -> None:
    over = Over(Condition.EVENT_AGE_EXCEEDED, Progress(0))
    attributes = dead_letter_attributes(EVENT, over, None)
    assert attributes["ErrorCode"] == {"DataType": "Number", "StringValue": "429"}
    assert attributes["ErrorMessage"]["StringValue"] == "EventAgeExceeded"
