"""SendDurableExecutionCallbackFailure. API reference; the texts as `engines/durable/errors.py` has
them."""

from __future__ import annotations

from typing import Any

from support.answers import body
from support.durable_answers import callback_closed, calling
from support.durable_functions import await_status, history
from support.lambda_client import invalid, refused
from support.server import LambdadServer

ERROR = {"ErrorMessage": "m", "ErrorType": "T", "ErrorData": "d", "StackTrace": ["s"]}


def test_it_is_answered_once(server: LambdadServer, client: Any, speaker: str) -> None:
    arn, callback = calling(server, speaker)
    answer = {"CallbackId": callback}
    assert body(client.send_durable_execution_callback_failure(**answer, Error=ERROR)) == {}
    await_status(server, arn)
    told = next(each for each in history(server, arn) if each["EventType"] == "CallbackFailed")
    expected = {"CallbackFailedDetails": {"Error": {"Payload": ERROR, "Truncated": False}}}
    assert {key: told[key] for key in expected} == expected
    assert refused(client.send_durable_execution_callback_failure, **answer) == callback_closed()


def test_an_id_that_is_none(client: Any) -> None:
    error = refused(client.send_durable_execution_callback_failure, CallbackId="QUJD")
    assert error == invalid("Invalid callback id")
