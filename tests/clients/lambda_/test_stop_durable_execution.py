"""StopDurableExecution. API reference; the texts as `engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.durable_answers import missing_arn, no_execution, suspended
from support.durable_functions import history
from support.lambda_client import invalid, refused
from support.server import LambdadServer


def test_it_ends_and_stays_ended(server: LambdadServer, client: Any, speaker: str) -> None:
    arn = suspended(server, speaker)
    error = {"ErrorMessage": "enough", "ErrorType": "E"}
    stopped = body(client.stop_durable_execution(DurableExecutionArn=arn, Error=error))
    assert stopped == {"StopTimestamp": RECENT}
    assert body(client.stop_durable_execution(DurableExecutionArn=arn)) == stopped
    found = client.get_durable_execution(DurableExecutionArn=arn)
    assert (found["Status"], found["Error"]) == ("STOPPED", error)
    assert history(server, arn)[-1]["ExecutionStoppedDetails"] == {
        "Error": {"Payload": error, "Truncated": False}
    }


def test_refusals(client: Any, speaker: str) -> None:
    stop, missing = client.stop_durable_execution, missing_arn(speaker)
    assert refused(stop, DurableExecutionArn=missing) == no_execution()
    big = {"ErrorMessage": "x" * 1_048_576}
    assert refused(stop, DurableExecutionArn=missing, Error=big) == invalid(
        "Error object size must be less than or equal to 1048576 bytes."
    )
