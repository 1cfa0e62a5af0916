"""GetDurableExecutionState. API reference; the texts are in AWS's SDKs
(`engines/durable/errors.py`). The test speaks in the place of the function."""

from __future__ import annotations

from typing import Any

import pytest

from support.answers import RECENT, body
from support.durable_answers import missing_arn
from support.durable_functions import HANDING_OVER, begin, handed_over, make_durable
from support.lambda_client import invalid, refused
from support.packages import zip_of
from support.server import LambdadServer

Invocation = dict[str, str]


@pytest.fixture
def running(server: LambdadServer) -> Invocation:
    """Parameters that name an invocation under way and its token."""
    name = make_durable(server, zip_of({"index.py": HANDING_OVER}))
    return handed_over(server, name, begin(server, name, {"a": 1}))


def test_whole_and_in_pages(running: Invocation, client: Any) -> None:
    step = [{"Id": "s", "Type": "STEP", "Action": "SUCCEED", "Payload": "1"}]
    answer = client.checkpoint_durable_execution(**running, Updates=step)
    state = running | {"CheckpointToken": answer["CheckpointToken"]}
    arn = running["DurableExecutionArn"]
    root = {
        "Id": arn.rpartition("/")[2],
        "Name": arn.split("/")[-2],
        "Type": "EXECUTION",
        "StartTimestamp": RECENT,
        "Status": "STARTED",
        "ExecutionDetails": {"InputPayload": '{"a": 1}'},
    }
    done = {
        "Id": "s",
        "Type": "STEP",
        "StartTimestamp": RECENT,
        "EndTimestamp": RECENT,
        "Status": "SUCCEEDED",
        "StepDetails": {"Attempt": 1, "Result": "1"},
    }
    assert body(client.get_durable_execution_state(**state)) == {"Operations": [root, done]}
    page = body(client.get_durable_execution_state(**state, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"Operations": [root]}
    rest = body(client.get_durable_execution_state(**state, Marker=marker))
    assert rest == {"Operations": [done]}
    error = refused(client.get_durable_execution_state, **state, Marker="x")
    assert error == invalid("Invalid Marker")


def test_refusals(running: Invocation, client: Any, speaker: str) -> None:
    """One that cannot be there has no valid token either."""
    call = client.get_durable_execution_state
    wrong = running | {"CheckpointToken": "QUJD"}
    assert refused(call, **wrong) == invalid("Invalid checkpoint token")
    other = running | {"DurableExecutionArn": missing_arn(speaker)}
    assert refused(call, **other) == invalid(
        "Checkpoint token is not valid for the durable execution ARN"
    )
