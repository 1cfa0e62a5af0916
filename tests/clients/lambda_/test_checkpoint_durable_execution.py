"""CheckpointDurableExecution. API reference; the texts are in AWS's SDKs
(`engines/durable/errors.py`). The test speaks in the place of the function."""

from __future__ import annotations

from typing import Any

import pytest

from support.answers import RECENT, Matching, body
from support.durable_answers import missing_arn
from support.durable_functions import HANDING_OVER, begin, handed_over, make_durable
from support.lambda_client import invalid, refused
from support.packages import zip_of
from support.server import LambdadServer

Invocation = dict[str, str]
TOKEN = Matching(r"[A-Za-z0-9+/]+={0,2}")


@pytest.fixture
def running(server: LambdadServer) -> Invocation:
    """Parameters that name an invocation under way and its token."""
    name = make_durable(server, zip_of({"index.py": HANDING_OVER}))
    return handed_over(server, name, begin(server, name, {"a": 1}))


def test_a_step(running: Invocation, client: Any) -> None:
    """Each checkpoint is made with the token of the one before; the same again with the same
    ClientToken is answered the same."""
    step = [{"Id": "s", "Type": "STEP", "Action": "SUCCEED", "Name": "S", "Payload": "1"}]
    call, given = client.checkpoint_durable_execution, {"Updates": step, "ClientToken": "once"}
    answer = body(call(**running, **given))
    assert answer == {
        "CheckpointToken": TOKEN,
        "NewExecutionState": {
            "Operations": [
                {
                    "Id": "s",
                    "Name": "S",
                    "Type": "STEP",
                    "StartTimestamp": RECENT,
                    "EndTimestamp": RECENT,
                    "Status": "SUCCEEDED",
                    "StepDetails": {"Attempt": 1, "Result": "1"},
                }
            ]
        },
    }
    assert body(call(**running, **given)) == answer
    assert refused(call, **running, Updates=[]) == invalid("Invalid checkpoint token")
    latest = running | {"CheckpointToken": answer["CheckpointToken"]}
    assert body(call(**latest, Updates=[]))["CheckpointToken"] == TOKEN


def test_refusals(running: Invocation, client: Any, speaker: str) -> None:
    """One that cannot be there has no valid token either."""
    call = client.checkpoint_durable_execution
    wrong = running | {"CheckpointToken": "QUJD"}
    assert refused(call, **wrong, Updates=[]) == invalid("Invalid checkpoint token")
    other = running | {"DurableExecutionArn": missing_arn(speaker)}
    assert refused(call, **other, Updates=[]) == invalid(
        "Checkpoint token is not valid for the durable execution ARN"
    )


def test_the_function_in_the_arn_is_part_of_it(
    running: Invocation, client: Any, speaker: str
) -> None:
    """Policies are asked about the ARN as it is written: with the name of another function, which
    the caller may checkpoint, it opens nothing."""
    parts = running["DurableExecutionArn"].split(":")
    parts[6] = speaker
    forged = running | {"DurableExecutionArn": ":".join(parts)}
    error = invalid("Checkpoint token is not valid for the durable execution ARN")
    assert refused(client.checkpoint_durable_execution, **forged, Updates=[]) == error
    assert refused(client.get_durable_execution_state, **forged) == error
