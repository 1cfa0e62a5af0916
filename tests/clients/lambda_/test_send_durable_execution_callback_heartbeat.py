"""SendDurableExecutionCallbackHeartbeat. API reference; the texts as
`engines/durable/errors.py` has them."""

from __future__ import annotations

from typing import Any

from support.answers import body
from support.durable_answers import callback_closed, calling
from support.durable_functions import history
from support.lambda_client import invalid, refused
from support.server import LambdadServer


def test_it_is_still_wanted(server: LambdadServer, client: Any, speaker: str) -> None:
    """It changes nothing that is shown; a callback that is answered takes none."""
    arn, callback = calling(server, speaker)
    before = history(server, arn)
    for _ in range(2):
        assert body(client.send_durable_execution_callback_heartbeat(CallbackId=callback)) == {}
    assert history(server, arn) == before
    client.send_durable_execution_callback_success(CallbackId=callback)
    assert refused(client.send_durable_execution_callback_heartbeat, CallbackId=callback) == (
        callback_closed()
    )


def test_an_id_that_is_none(client: Any) -> None:
    error = refused(client.send_durable_execution_callback_heartbeat, CallbackId="QUJD")
    assert error == invalid("Invalid callback id")
