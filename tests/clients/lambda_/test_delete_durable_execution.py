"""DeleteDurableExecution. API reference; the texts as `engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.answers import RECENT
from support.durable_answers import missing_arn, no_execution, suspended, wrong_status
from support.lambda_client import body_of, refused, status_of
from support.server import LambdadServer


def test_one_that_is_over(server: LambdadServer, client: Any, speaker: str) -> None:
    at = {"DurableExecutionArn": suspended(server, speaker)}
    error = refused(client.delete_durable_execution, **at)
    assert error == wrong_status("deleted", "RUNNING")
    client.stop_durable_execution(**at)
    answer = client.delete_durable_execution(**at)
    assert status_of(answer) == 202
    assert body_of(answer) == {"DeletionRequestTimestamp": RECENT}
    for call in (client.get_durable_execution, client.delete_durable_execution):
        assert refused(call, **at) == no_execution()


def test_one_that_is_not_there(client: Any, speaker: str) -> None:
    error = refused(client.delete_durable_execution, DurableExecutionArn=missing_arn(speaker))
    assert error == no_execution()
