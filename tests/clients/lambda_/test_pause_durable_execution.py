"""PauseDurableExecution. API reference; the texts as `engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT
from support.durable_answers import missing_arn, no_execution, suspended, wrong_status
from support.durable_functions import await_status
from support.lambda_client import body_of, conflict, refused, status_of
from support.server import LambdadServer


def test_it_is_held(server: LambdadServer, client: Any, speaker: str) -> None:
    at = {"DurableExecutionArn": suspended(server, speaker)}
    answer = client.pause_durable_execution(**at, Reason="a look", ExecutionTimeoutPaused=False)
    assert (status_of(answer), body_of(answer)) == (202, {})
    held = await_status(server, at["DurableExecutionArn"], "PAUSED")
    assert held["PauseDetails"] == {
        "PauseRequestTimestamp": RECENT,
        "Reason": "a look",
        "ExecutionTimeoutPaused": False,
    }
    error = refused(client.pause_durable_execution, **at)
    assert error == wrong_status("paused", "PAUSED")
    client.stop_durable_execution(**at)
    error = refused(client.pause_durable_execution, **at)
    assert error == conflict("The durable execution cannot be paused in status STOPPED.")


def test_one_that_is_not_there(client: Any, speaker: str) -> None:
    error = refused(client.pause_durable_execution, DurableExecutionArn=missing_arn(speaker))
    assert error == no_execution()
