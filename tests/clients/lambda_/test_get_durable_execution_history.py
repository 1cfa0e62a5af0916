"""GetDurableExecutionHistory. API reference; the texts as `engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.durable_answers import missing_arn, no_execution
from support.durable_functions import await_status, begin
from support.lambda_client import REVISION, invalid, refused
from support.server import LambdadServer


def test_whole_and_in_pages(server: LambdadServer, client: Any, speaker: str) -> None:
    arn = begin(server, speaker, {"lines": []}, DurableExecutionName="told-once")
    await_status(server, arn)
    execution = {"Id": arn.rpartition("/")[2], "Name": "told-once", "EventTimestamp": RECENT}
    whole = [
        execution
        | {
            "EventType": "ExecutionStarted",
            "EventId": 1,
            "ExecutionStartedDetails": {
                "Input": {"Payload": '{"lines": []}', "Truncated": False},
                "ExecutionTimeout": 300,
            },
        },
        {
            "EventType": "InvocationCompleted",
            "EventId": 2,
            "EventTimestamp": RECENT,
            "InvocationCompletedDetails": {
                "StartTimestamp": RECENT,
                "EndTimestamp": RECENT,
                "RequestId": REVISION,
            },
        },
        execution
        | {
            "EventType": "ExecutionSucceeded",
            "EventId": 3,
            "ExecutionSucceededDetails": {"Result": {"Payload": "[]", "Truncated": False}},
        },
    ]
    get, at = client.get_durable_execution_history, {"DurableExecutionArn": arn}
    assert body(get(**at)) == {"Events": whole}
    assert body(get(**at, ReverseOrder=True)) == {"Events": whole[::-1]}
    page = body(get(**at, MaxItems=2))
    marker = page.pop("NextMarker")
    assert page == {"Events": whole[:2]}
    assert body(get(**at, Marker=marker)) == {"Events": whole[2:]}
    bare = {"ExecutionSucceededDetails": {"Result": {"Truncated": True}}}
    last = get(**at, IncludeExecutionData=False, ReverseOrder=True, MaxItems=1)["Events"]
    assert last == [whole[2] | bare]
    assert refused(get, **at, Marker="x") == invalid("Invalid Marker")


def test_one_that_is_not_there(client: Any, speaker: str) -> None:
    error = refused(client.get_durable_execution_history, DurableExecutionArn=missing_arn(speaker))
    assert error == no_execution()
