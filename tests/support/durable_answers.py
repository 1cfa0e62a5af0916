"""What durable executions answer through boto3, and how one is begun that stays under way."""

from __future__ import annotations

from typing import Any

from support.durable_functions import await_event, begin
from support.lambda_client import arn_of, conflict, not_found, user_error
from support.server import LambdadServer

WAIT = [{"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 250}}]
CALLBACK = [{"Id": "c", "Type": "CALLBACK", "Action": "START"}]
WAITING = {"lines": [WAIT], "pending": True}
"""To a SPEAKER: suspend until the execution is ended."""
CALLING = {"lines": [CALLBACK], "pending": True}
"""To a SPEAKER: suspend until somebody calls back."""


def missing_arn(name: str) -> str:
    """Of an execution that is not there."""
    return f"{arn_of(name, '1')}/durable-execution/n/11111111-2222-4333-8444-555555555555"


def no_execution() -> dict[str, Any]:
    return not_found("Durable Execution does not exist")


def wrong_status(verb: str, status: str) -> dict[str, Any]:
    """What an execution in that status does not take (ours: AWS's text is not known)."""
    return conflict(f"The durable execution cannot be {verb} in status {status}.")


def callback_closed() -> dict[str, Any]:
    return user_error(
        "CallbackTimeoutException",
        400,
        "The callback is either timed out or already completed",
        "Message",
    )


def suspended(server: LambdadServer, name: str) -> str:
    """The ARN of an execution that waits, with nothing running."""
    arn = begin(server, name, WAITING)
    await_event(server, arn, "InvocationCompleted")
    return arn


def calling(server: LambdadServer, name: str) -> tuple[str, str]:
    """The ARN of an execution that waits for a callback, and the callback's id."""
    arn = begin(server, name, CALLING)
    started = await_event(server, arn, "InvocationCompleted")[1]
    callback: str = started["CallbackStartedDetails"]["CallbackId"]
    return arn, callback
