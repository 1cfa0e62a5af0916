"""ResumeDurableExecution. API reference; the texts as `engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.durable_answers import calling, missing_arn, no_execution, wrong_status
from support.durable_functions import await_status, events
from support.lambda_client import body_of, refused, status_of
from support.server import LambdadServer


def test_it_goes_on(server: LambdadServer, client: Any, speaker: str) -> None:
    """What was called back meanwhile is not lost."""
    arn, callback = calling(server, speaker)
    at = {"DurableExecutionArn": arn}
    error = refused(client.resume_durable_execution, **at)
    assert error == wrong_status("resumed", "RUNNING")
    client.pause_durable_execution(**at)
    client.send_durable_execution_callback_success(CallbackId=callback)
    await_status(server, arn, "PAUSED")
    answer = client.resume_durable_execution(**at)
    assert (status_of(answer), body_of(answer)) == (202, {})
    assert await_status(server, arn)["Status"] == "SUCCEEDED"
    assert "ExecutionResumed" in events(server, arn)
    error = refused(client.resume_durable_execution, **at)
    assert error == wrong_status("resumed", "SUCCEEDED")


def test_one_that_is_not_there(client: Any, speaker: str) -> None:
    error = refused(client.resume_durable_execution, DurableExecutionArn=missing_arn(speaker))
    assert error == no_execution()
