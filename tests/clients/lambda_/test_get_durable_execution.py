"""GetDurableExecution. API reference; the refusal's text as `engines/durable/errors.py` has it.
Whole lives are `test_durable_executions.py`'s."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, Matching, body
from support.durable_answers import missing_arn, no_execution, suspended
from support.durable_functions import await_status, begin
from support.lambda_client import arn_of, refused, untyped
from support.server import LambdadServer

TRACE = {"XAmznTraceId": Matching(r"Root=1-.*")}
CONFIG = {"ExecutionTimeout": 300, "RetentionPeriodInDays": 14}


def test_one_that_is_over(server: LambdadServer, client: Any, speaker: str) -> None:
    arn = begin(server, speaker, {"lines": []}, DurableExecutionName="over")
    await_status(server, arn)
    assert body(client.get_durable_execution(DurableExecutionArn=arn)) == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": "over",
        "FunctionArn": arn_of(speaker, "$LATEST"),
        "InputPayload": '{"lines": []}',
        "Result": "[]",
        "StartTimestamp": RECENT,
        "EndTimestamp": RECENT,
        "Status": "SUCCEEDED",
        "Version": "$LATEST",
        "TraceHeader": TRACE,
        "ExecutionDataIncluded": True,
        "DurableConfig": CONFIG,
    }


def test_without_its_data(server: LambdadServer, client: Any, speaker: str) -> None:
    arn = suspended(server, speaker)
    found = body(client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False))
    ends = found["ExpectedExecutionTimeoutTimestamp"]
    assert found == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": found["DurableExecutionName"],
        "FunctionArn": arn_of(speaker, "$LATEST"),
        "StartTimestamp": RECENT,
        "Status": "RUNNING",
        "Version": "$LATEST",
        "TraceHeader": TRACE,
        "ExecutionDataIncluded": False,
        "DurableConfig": CONFIG,
        "ExpectedExecutionTimeoutTimestamp": ends,
    }
    assert (ends - found["StartTimestamp"]).total_seconds() == 300


def test_refusals(client: Any, speaker: str) -> None:
    get = client.get_durable_execution
    assert refused(get, DurableExecutionArn=missing_arn(speaker)) == no_execution()
    error = refused(get, DurableExecutionArn=arn_of(speaker))
    assert error == untyped("ValidationException", 400, error["Error"]["Message"])
