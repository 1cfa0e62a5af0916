"""What runs inside a durable function, spoken by hand: checkpoints, state, callbacks, and who may.

The function hands its token to the test and waits, so that the test speaks in its place.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from support.answers import RECENT, Matching, body
from support.durable_answers import callback_closed
from support.durable_functions import (
    HANDING_OVER,
    SPEAKER,
    await_event,
    await_status,
    begin,
    handed_over,
    history,
    make_durable,
)
from support.lambda_client import (
    fresh_name,
    invalid,
    lambda_of,
    refused,
    validation,
)
from support.packages import zip_of
from support.server import LambdadServer

TOKEN = Matching(r"[A-Za-z0-9+/]+={0,2}")


@pytest.fixture(scope="module")
def name(server: LambdadServer) -> str:
    return make_durable(server, zip_of({"index.py": HANDING_OVER}))


@pytest.fixture
def running(server: LambdadServer, name: str) -> dict[str, str]:
    """Parameters that name an invocation under way and its token."""
    return handed_over(server, name, begin(server, name, {"a": 1}))


def test_a_checkpoint_and_the_state(server: LambdadServer, running: dict[str, str]) -> None:
    client = lambda_of(server)
    arn = running["DurableExecutionArn"]
    updates = [
        {"Id": "c", "Type": "CONTEXT", "SubType": "Map", "Action": "START", "Name": "C"},
        {"Id": "s", "ParentId": "c", "Type": "STEP", "Action": "SUCCEED", "Payload": "1"},
        {"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 100}},
        {"Id": "k", "Type": "CALLBACK", "Action": "START"},
        {
            "Id": "r",
            "Type": "STEP",
            "Action": "RETRY",
            "StepOptions": {"NextAttemptDelaySeconds": 100},
            "Error": {"ErrorMessage": "m", "ErrorType": "T", "StackTrace": ["x"]},
        },
        {
            "Id": "i",
            "Type": "CHAINED_INVOKE",
            "Action": "START",
            "ChainedInvokeOptions": {"FunctionName": "nobody"},
        },
    ]
    answer = body(client.checkpoint_durable_execution(**running, Updates=updates))
    operations = [
        {
            "Id": "c",
            "Name": "C",
            "Type": "CONTEXT",
            "SubType": "Map",
            "StartTimestamp": RECENT,
            "Status": "STARTED",
            "ContextDetails": {},
        },
        {
            "Id": "s",
            "ParentId": "c",
            "Type": "STEP",
            "StartTimestamp": RECENT,
            "EndTimestamp": RECENT,
            "Status": "SUCCEEDED",
            "StepDetails": {"Attempt": 1, "Result": "1"},
        },
        {
            "Id": "w",
            "Type": "WAIT",
            "StartTimestamp": RECENT,
            "Status": "STARTED",
            "WaitDetails": {
                "ScheduledEndTimestamp": answer["NewExecutionState"]["Operations"][2][
                    "WaitDetails"
                ]["ScheduledEndTimestamp"]
            },
        },
        {
            "Id": "k",
            "Type": "CALLBACK",
            "StartTimestamp": RECENT,
            "Status": "STARTED",
            "CallbackDetails": {"CallbackId": TOKEN},
        },
        {
            "Id": "r",
            "Type": "STEP",
            "StartTimestamp": RECENT,
            "Status": "PENDING",
            "StepDetails": {
                "Attempt": 1,
                "NextAttemptTimestamp": answer["NewExecutionState"]["Operations"][4]["StepDetails"][
                    "NextAttemptTimestamp"
                ],
                "Error": {"ErrorMessage": "m", "ErrorType": "T", "StackTrace": ["x"]},
            },
        },
        {
            "Id": "i",
            "Type": "CHAINED_INVOKE",
            "StartTimestamp": RECENT,
            "EndTimestamp": RECENT,
            "Status": "FAILED",
            "ChainedInvokeDetails": {
                "Error": {
                    "ErrorType": "ResourceNotFoundException",
                    "ErrorMessage": "Function not found: arn:aws:lambda:us-east-1:000000000000:"
                    "function:nobody:$LATEST",
                }
            },
        },
    ]
    assert answer == {
        "CheckpointToken": TOKEN,
        "NewExecutionState": {"Operations": operations},
    }
    for operation, member in ((operations[2], "WaitDetails"), (operations[4], "StepDetails")):
        moment = next(at for key, at in operation[member].items() if key.endswith("Timestamp"))
        started = answer["NewExecutionState"]["Operations"][0]["StartTimestamp"]
        assert (moment - started).total_seconds() == 100
    state = {"DurableExecutionArn": arn, "CheckpointToken": answer["CheckpointToken"]}
    root = {
        "Id": arn.rpartition("/")[2],
        "Name": arn.split("/")[-2],
        "Type": "EXECUTION",
        "StartTimestamp": RECENT,
        "Status": "STARTED",
        "ExecutionDetails": {"InputPayload": '{"a": 1}'},
    }
    page = body(client.get_durable_execution_state(**state, MaxItems=3))
    assert page == {"Operations": [root, *operations[:2]], "NextMarker": page["NextMarker"]}
    rest = body(client.get_durable_execution_state(**state, Marker=page["NextMarker"]))
    assert rest == {"Operations": operations[2:]}


def test_tokens(server: LambdadServer, running: dict[str, str]) -> None:
    client = lambda_of(server)
    step = [{"Id": "s", "Type": "STEP", "Action": "START"}]
    first = body(client.checkpoint_durable_execution(**running, Updates=step, ClientToken="once"))
    again = body(client.checkpoint_durable_execution(**running, Updates=step, ClientToken="once"))
    assert again == first
    call, state = client.checkpoint_durable_execution, client.get_durable_execution_state
    unknown = running["DurableExecutionArn"][:-4] + "0000"
    bad = [
        (running, "Invalid checkpoint token"),
        (running | {"CheckpointToken": "QUJD"}, "Invalid checkpoint token"),
        (
            running | {"DurableExecutionArn": unknown},
            "Checkpoint token is not valid for the durable execution ARN",
        ),
        (
            running | {"DurableExecutionArn": unknown, "CheckpointToken": "QUJD"},
            "Invalid checkpoint token",
        ),
        (
            running
            | {
                "DurableExecutionArn": running["DurableExecutionArn"].replace(
                    "us-east-1", "eu-west-1"
                )
            },
            "Invalid checkpoint token",
        ),
    ]
    for parameters, text in bad:
        assert refused(call, **parameters, Updates=[]) == invalid(text)
        assert refused(state, **parameters) == invalid(text)
    latest = running | {"CheckpointToken": first["CheckpointToken"]}
    assert refused(state, **latest, Marker="x") == invalid("Invalid Marker")
    wait = [{"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 0}}]
    assert refused(call, **latest, Updates=wait) == validation(
        "Value '0' at 'updates.1.member.waitOptions.waitSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_the_end_by_a_checkpoint(server: LambdadServer, running: dict[str, str]) -> None:
    end = [{"Id": "e", "Type": "EXECUTION", "Action": "SUCCEED", "Payload": '"done"'}]
    answer = body(lambda_of(server).checkpoint_durable_execution(**running, Updates=end))
    assert "CheckpointToken" not in answer
    execution = await_status(server, running["DurableExecutionArn"])
    assert (execution["Status"], execution["Result"]) == ("SUCCEEDED", '"done"')


def test_a_pause_takes_the_token(server: LambdadServer, running: dict[str, str]) -> None:
    client = lambda_of(server)
    arn = running["DurableExecutionArn"]
    client.pause_durable_execution(DurableExecutionArn=arn)
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "PAUSING"
    step = [{"Id": "s", "Type": "STEP", "Action": "SUCCEED", "Payload": "1"}]
    answer = body(client.checkpoint_durable_execution(**running, Updates=step))
    assert "CheckpointToken" not in answer
    assert [at["Id"] for at in answer["NewExecutionState"]["Operations"]] == ["s"]
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "PAUSED"


# Callbacks.


@pytest.fixture
def callback(server: LambdadServer, running: dict[str, str]) -> str:
    start = [{"Id": "k", "Type": "CALLBACK", "Action": "START"}]
    answer = lambda_of(server).checkpoint_durable_execution(**running, Updates=start)
    (operation,) = answer["NewExecutionState"]["Operations"]
    identifier: str = operation["CallbackDetails"]["CallbackId"]
    return identifier


def test_callback_success(server: LambdadServer, running: dict[str, str], callback: str) -> None:
    client = lambda_of(server)
    assert body(client.send_durable_execution_callback_heartbeat(CallbackId=callback)) == {}
    success = client.send_durable_execution_callback_success
    assert body(success(CallbackId=callback, Result=b"\xc3\xa4")) == {}
    event = history(server, running["DurableExecutionArn"])[-1]
    assert event["CallbackSucceededDetails"] == {"Result": {"Payload": "ä", "Truncated": False}}
    for call in (
        success,
        client.send_durable_execution_callback_failure,
        client.send_durable_execution_callback_heartbeat,
    ):
        assert refused(call, CallbackId=callback) == callback_closed()


def test_callback_failure(server: LambdadServer, running: dict[str, str], callback: str) -> None:
    error = {"ErrorMessage": "m", "ErrorType": "T", "ErrorData": "d", "StackTrace": ["s"]}
    failure = lambda_of(server).send_durable_execution_callback_failure
    big = {"ErrorMessage": "x" * 1_048_576}
    assert refused(failure, CallbackId=callback, Error=big) == invalid(
        "Error object size must be less than or equal to 1048576 bytes."
    )
    assert body(failure(CallbackId=callback, Error=error)) == {}
    event = history(server, running["DurableExecutionArn"])[-1]
    assert event["CallbackFailedDetails"] == {"Error": {"Payload": error, "Truncated": False}}


@pytest.mark.parametrize(
    "operation",
    [
        "send_durable_execution_callback_success",
        "send_durable_execution_callback_failure",
        "send_durable_execution_callback_heartbeat",
    ],
)
def test_callback_ids_that_are_none(server: LambdadServer, callback: str, operation: str) -> None:
    call = getattr(lambda_of(server), operation)
    assert refused(call, CallbackId="QUJD") == invalid("Invalid callback id")
    execution, name, proof = base64.b64decode(callback).decode().split("#")
    for forged in (
        f"{execution}#{name}#{proof[:-1]}{'0' if proof[-1] != '0' else '1'}",
        f"{execution}#other#{proof}",
        f"{execution[:-4]}0000#{name}#{proof}",
        f"{execution.replace('us-east-1', 'eu-west-1')}#{name}#{proof}",
    ):
        identifier = base64.b64encode(forged.encode()).decode()
        assert refused(call, CallbackId=identifier) == callback_closed()


# Who may.


def user_with(server: LambdadServer, policy: dict[str, Any]) -> Any:
    """A client of a new user who has this policy."""
    iam, name = server.client("iam"), fresh_name()
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client(
        "lambda",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def test_a_role_without_the_rights(server: LambdadServer) -> None:
    """The SDK's and our own handler alike are told so, and the execution fails at the last try."""
    role = server.execution_role("powerless")
    name = make_durable(server, zip_of({"index.py": SPEAKER}), Role=role)
    step = [{"Id": "s", "Type": "STEP", "Action": "START"}]
    arn = begin(server, name, {"lines": [step]})
    happened = await_event(server, arn, "InvocationCompleted")
    error = happened[1]["InvocationCompletedDetails"]["Error"]["Payload"]
    assert error["ErrorType"] == "ClientError"  # as boto3 calls what it does not know
    denied = f"not authorized to perform: lambda:CheckpointDurableExecution on resource: {arn}"
    assert denied in error["ErrorMessage"]
    lambda_of(server).stop_durable_execution(DurableExecutionArn=arn)


def test_policies_speak_of_executions(server: LambdadServer, name: str) -> None:
    arn = begin(server, name, None)
    function = arn.partition("/")[0].rpartition(":")[0]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["lambda:GetDurableExecution", "lambda:StopDurableExecution"],
                "Resource": f"{function}:*",
            },
            {"Effect": "Deny", "Action": "lambda:StopDurableExecution", "Resource": arn},
        ],
    }
    client = user_with(server, policy)
    assert client.get_durable_execution(DurableExecutionArn=arn)["DurableExecutionArn"] == arn
    for spelling in (arn, arn.replace("arn:aws:", "arn:aws-cn:")):
        error = refused(client.stop_durable_execution, DurableExecutionArn=spelling)
        assert (error["Error"]["Code"], error["Status"]) == ("AccessDeniedException", 403)
    error = refused(client.get_durable_execution_history, DurableExecutionArn=arn)
    assert error["Error"]["Code"] == "AccessDeniedException"
    lambda_of(server).stop_durable_execution(DurableExecutionArn=arn)
