"""Durable executions through boto3: configuration, invoking, looking at them, ending them.

The answers' members are those of the service model; where the texts come from,
`engines/durable/errors.py` and `services/lambda_/durable_settings.py` say.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.answers import RECENT, Matching, body
from support.durable_answers import CALLING, WAITING, missing_arn, no_execution
from support.durable_functions import (
    SPEAKER,
    await_event,
    await_status,
    begin,
    execution_arn,
    history,
    make_durable,
)
from support.lambda_client import (
    ROLE,
    arn_of,
    configuration,
    creation,
    fresh_name,
    invalid,
    lambda_of,
    make,
    not_found,
    payload_of,
    refused,
    settled,
    status_of,
    untyped,
    user_error,
    validation,
)
from support.packages import zip_of
from support.server import LambdadServer

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TRACE = Matching(r"Root=1-.*")


@pytest.fixture(scope="module")
def name(server: LambdadServer) -> str:
    return make_durable(server, zip_of({"index.py": SPEAKER}), timeout_s=300)


STEP = [
    {"Id": "a", "Type": "STEP", "Action": "START", "Name": "A", "SubType": "Step"},
    {"Id": "a", "Type": "STEP", "Action": "SUCCEED", "Payload": "7"},
]


# The function.


def test_durable_config(server: LambdadServer) -> None:
    client, name = lambda_of(server), fresh_name()
    key = "arn:aws:kms:us-east-1:000000000000:key/k"
    client.create_function(
        **creation(name, DurableConfig={"ExecutionTimeout": 60, "KMSKeyArn": key})
    )
    config = {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14, "KMSKeyArn": key}
    assert settled(client, name) == configuration(name, DurableConfig=config)
    client.publish_version(FunctionName=name)
    client.update_function_configuration(
        FunctionName=name, DurableConfig={"RetentionPeriodInDays": 3, "KMSKeyArn": ""}
    )
    config = {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}
    assert settled(client, name)["DurableConfig"] == config
    version = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert version["DurableConfig"]["RetentionPeriodInDays"] == 14


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (
            {"RetentionPeriodInDays": 7},
            invalid(
                "You cannot create a function with a durable configuration without an "
                "executionTimeout"
            ),
        ),
        (
            {"ExecutionTimeout": 0},
            validation(
                "Value '0' at 'durableConfig.executionTimeout' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            ),
        ),
        (
            {"ExecutionTimeout": 60, "RetentionPeriodInDays": 91},
            validation(
                "Value '91' at 'durableConfig.retentionPeriodInDays' failed to satisfy "
                "constraint: Member must have value less than or equal to 90"
            ),
        ),
    ],
)
def test_durable_config_refused(
    server: LambdadServer, config: dict[str, int], error: dict[str, Any]
) -> None:
    create = lambda_of(server).create_function
    assert refused(create, **creation(fresh_name(), DurableConfig=config, Role=ROLE)) == error


def test_a_function_does_not_become_durable(server: LambdadServer) -> None:
    client = lambda_of(server)
    plain = make(client)
    update = {"FunctionName": plain, "DurableConfig": {"ExecutionTimeout": 60}}
    assert refused(client.update_function_configuration, **update) == invalid(
        "You cannot add a durable configuration to a function that was originally created with "
        "no durable configuration"
    )


# Invoke.


def test_a_synchronous_invoke(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    payload = json.dumps({"lines": [STEP], "output": {"Status": "SUCCEEDED", "Result": '"yes"'}})
    answer = client.invoke(
        FunctionName=name, Qualifier="$LATEST", Payload=payload, DurableExecutionName="sync-1"
    )
    headers = answer.pop("ResponseMetadata")["HTTPHeaders"]
    assert (headers["content-type"], headers["x-amzn-trace-id"]) == ("application/json", TRACE)
    assert headers["x-amzn-remapped-content-length"] == "0"
    assert payload_of(answer) == "yes"
    answer.pop("Payload")
    arn = Matching(execution_arn(name, "sync-1"))
    assert answer == {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "DurableExecutionArn": arn,
    }
    assert body(
        client.get_durable_execution(DurableExecutionArn=answer["DurableExecutionArn"])
    ) == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": "sync-1",
        "FunctionArn": arn_of(name, "$LATEST"),
        "InputPayload": payload,
        "Result": '"yes"',
        "StartTimestamp": RECENT,
        "EndTimestamp": RECENT,
        "Status": "SUCCEEDED",
        "Version": "$LATEST",
        "TraceHeader": {"XAmznTraceId": TRACE},
        "ExecutionDataIncluded": True,
        "DurableConfig": {"ExecutionTimeout": 300, "RetentionPeriodInDays": 14},
    }


def test_a_failure(server: LambdadServer, name: str) -> None:
    error = {"ErrorMessage": "no", "ErrorType": "E", "ErrorData": "d", "StackTrace": ["at x"]}
    payload = json.dumps({"lines": [], "output": {"Status": "FAILED", "Error": error}})
    answer = lambda_of(server).invoke(FunctionName=f"{name}:$LATEST", Payload=payload)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert payload_of(answer) == {
        "errorMessage": "no",
        "errorType": "E",
        "errorData": "d",
        "stackTrace": ["at x"],
    }
    execution = await_status(server, answer["DurableExecutionArn"])
    assert (execution["Status"], execution["Error"]) == ("FAILED", error)


def test_an_asynchronous_invoke(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    payload = json.dumps({"lines": []})
    answer = client.invoke(FunctionName=f"{name}:$LATEST", InvocationType="Event", Payload=payload)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (status_of(answer), headers["content-length"]) == (202, "0")
    assert (answer["StatusCode"], answer["DurableExecutionArn"]) == (
        202,
        Matching(execution_arn(name)),
    )
    assert "ExecutedVersion" not in answer
    assert await_status(server, answer["DurableExecutionArn"])["Status"] == "SUCCEEDED"


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_a_qualifier_is_needed(server: LambdadServer, name: str, kind: str) -> None:
    invoke = lambda_of(server).invoke
    assert refused(invoke, FunctionName=name, InvocationType=kind) == invalid(
        "You cannot invoke a durable function using an unqualified ARN."
    )


def test_a_dry_run(server: LambdadServer, name: str) -> None:
    answer = lambda_of(server).invoke(FunctionName=f"{name}:$LATEST", InvocationType="DryRun")
    assert (answer["StatusCode"], "DurableExecutionArn" in answer) == (204, False)


def test_long_executions_are_asynchronous(server: LambdadServer) -> None:
    long = make_durable(server, zip_of({"index.py": SPEAKER}), timeout_s=901)
    client = lambda_of(server)
    assert refused(client.invoke, FunctionName=f"{long}:$LATEST") == invalid(
        "You cannot synchronously invoke a durable function with an executionTimeout greater "
        "than 15 minutes."
    )
    assert await_status(server, begin(server, long, {"lines": []}))["Status"] == "SUCCEEDED"


def test_only_durable_executions_have_names(server: LambdadServer) -> None:
    client = lambda_of(server)
    assert refused(client.invoke, FunctionName=make(client), DurableExecutionName="n") == invalid(
        "The invoked function is not a durable function. Remove the durable execution name from "
        "your request and try again."
    )


def test_a_name_stands_for_one_execution(server: LambdadServer, name: str) -> None:
    """Developer guide, "Idempotency"."""
    client = lambda_of(server)
    arn = begin(server, name, WAITING, DurableExecutionName="once")
    assert begin(server, name, WAITING, DurableExecutionName="once") == arn
    other = {
        "FunctionName": f"{name}:$LATEST",
        "InvocationType": "Event",
        "DurableExecutionName": "once",
        "Payload": b"2",
    }
    already = user_error(
        "DurableExecutionAlreadyStartedException",
        409,
        f"Execution already started: {arn}",
        "Message",
    )
    assert refused(client.invoke, **other) == already
    client.stop_durable_execution(DurableExecutionArn=arn)
    assert begin(server, name, WAITING, DurableExecutionName="once") == arn
    assert refused(client.invoke, **other) == already


def test_versions_stay_what_they_were(server: LambdadServer) -> None:
    source = SPEAKER + '\n\ndef other(event, context):\n    raise ValueError("new code")\n'
    name = make_durable(server, zip_of({"index.py": source}))
    client = lambda_of(server)
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    wait = [{"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 2}}]
    payload = json.dumps({"lines": [wait], "pending": True})
    answer = client.invoke(
        FunctionName=name, Qualifier="live", InvocationType="Event", Payload=payload
    )
    arn = answer["DurableExecutionArn"]
    assert arn == Matching(execution_arn(name, version="1"))
    client.update_function_configuration(FunctionName=name, Handler="index.other")
    settled(client, name)
    assert await_status(server, arn)["Status"] == "SUCCEEDED"


# Looking.


def test_without_data(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    arn = begin(server, name, WAITING)
    await_event(server, arn, "InvocationCompleted")
    found = body(client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False))
    assert found == {
        "DurableExecutionArn": arn,
        "DurableExecutionName": Matching(UUID),
        "FunctionArn": arn_of(name, "$LATEST"),
        "StartTimestamp": RECENT,
        "Status": "RUNNING",
        "Version": "$LATEST",
        "TraceHeader": {"XAmznTraceId": TRACE},
        "ExecutionDataIncluded": False,
        "DurableConfig": {"ExecutionTimeout": 300, "RetentionPeriodInDays": 14},
        "ExpectedExecutionTimeoutTimestamp": found["ExpectedExecutionTimeoutTimestamp"],
    }
    lasts = found["ExpectedExecutionTimeoutTimestamp"] - found["StartTimestamp"]
    assert lasts.total_seconds() == 300


def test_the_history(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    payload = {"lines": [STEP], "output": {"Status": "SUCCEEDED", "Result": "1"}}
    arn = begin(server, name, payload, DurableExecutionName="told")
    await_status(server, arn)
    identifier = arn.rpartition("/")[2]
    execution = {"Id": identifier, "Name": "told", "EventTimestamp": RECENT}
    step = {"Id": "a", "Name": "A", "SubType": "Step", "EventTimestamp": RECENT}
    whole = [
        execution
        | {
            "EventType": "ExecutionStarted",
            "EventId": 1,
            "ExecutionStartedDetails": {
                "Input": {"Payload": json.dumps(payload), "Truncated": False},
                "ExecutionTimeout": 300,
            },
        },
        step | {"EventType": "StepStarted", "EventId": 2, "StepStartedDetails": {}},
        step
        | {
            "EventType": "StepSucceeded",
            "EventId": 3,
            "StepSucceededDetails": {
                "Result": {"Payload": "7", "Truncated": False},
                "RetryDetails": {"CurrentAttempt": 1},
            },
        },
        {
            "EventType": "InvocationCompleted",
            "EventId": 4,
            "EventTimestamp": RECENT,
            "InvocationCompletedDetails": {
                "StartTimestamp": RECENT,
                "EndTimestamp": RECENT,
                "RequestId": Matching(UUID),
            },
        },
        execution
        | {
            "EventType": "ExecutionSucceeded",
            "EventId": 5,
            "ExecutionSucceededDetails": {"Result": {"Payload": "1", "Truncated": False}},
        },
    ]
    assert body(client.get_durable_execution_history(DurableExecutionArn=arn)) == {"Events": whole}
    page = body(
        client.get_durable_execution_history(
            DurableExecutionArn=arn, ReverseOrder=True, MaxItems=2, IncludeExecutionData=False
        )
    )
    marker = page.pop("NextMarker")
    last = whole[4] | {"ExecutionSucceededDetails": {"Result": {"Truncated": True}}}
    assert page == {"Events": [last, whole[3]]}
    rest = client.get_durable_execution_history(
        DurableExecutionArn=arn, ReverseOrder=True, Marker=marker
    )
    assert body(rest) == {"Events": whole[2::-1]}
    assert history(server, arn) == whole
    bad = {"DurableExecutionArn": arn, "Marker": "x"}
    assert refused(client.get_durable_execution_history, **bad) == invalid("Invalid Marker")


def test_lists(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_durable(server, zip_of({"index.py": SPEAKER}))
    client.publish_version(FunctionName=name)
    first = begin(server, name, WAITING, DurableExecutionName="first")
    second = begin(server, name, {"lines": []}, DurableExecutionName="second")
    await_status(server, second)

    def listed(**filters: Any) -> list[dict[str, Any]]:
        answer = client.list_durable_executions_by_function(FunctionName=name, **filters)
        found: list[dict[str, Any]] = body(answer)["DurableExecutions"]
        return found

    newest = {
        "DurableExecutionArn": second,
        "DurableExecutionName": "second",
        "FunctionArn": arn_of(name, "$LATEST"),
        "Status": "SUCCEEDED",
        "StartTimestamp": RECENT,
        "EndTimestamp": RECENT,
    }
    oldest = {
        "DurableExecutionArn": first,
        "DurableExecutionName": "first",
        "FunctionArn": arn_of(name, "$LATEST"),
        "Status": "RUNNING",
        "StartTimestamp": RECENT,
    }
    assert listed() == listed(Qualifier="$LATEST") == [newest, oldest]
    assert listed(ReverseOrder=True) == [oldest, newest]
    assert listed(Qualifier="1") == []
    assert listed(Statuses=["RUNNING"]) == listed(DurableExecutionName="first") == [oldest]
    assert listed(StartedAfter=oldest_start(listed())) == [newest]
    page = client.list_durable_executions_by_function(FunctionName=name, MaxItems=1)
    assert page["DurableExecutions"] == [newest]
    assert listed(Marker=page["NextMarker"]) == [oldest]


def oldest_start(listed: list[dict[str, Any]]) -> Any:
    return listed[-1]["StartTimestamp"]


def test_lists_refused(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    call = client.list_durable_executions_by_function
    assert refused(call, FunctionName="nobody") == not_found(
        f"Function not found: {arn_of('nobody')}"
    )
    assert refused(call, FunctionName=name, Qualifier="none") == not_found(
        f"Cannot find alias arn: {arn_of(name, 'none')}"
    )
    assert refused(call, FunctionName=name, Statuses=["RUNNING", "FAILED"]) == invalid(
        "Cannot filter by more than one status"
    )
    assert refused(call, FunctionName=name, Marker="!") == invalid("Invalid Marker")


# Ending and holding.


def test_stop(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    arn = begin(server, name, WAITING)
    await_event(server, arn, "InvocationCompleted")
    error = {"ErrorMessage": "enough", "ErrorType": "E"}
    stopped = body(client.stop_durable_execution(DurableExecutionArn=arn, Error=error))
    assert stopped == {"StopTimestamp": RECENT}
    assert body(client.stop_durable_execution(DurableExecutionArn=arn)) == stopped
    execution = await_status(server, arn)
    assert (execution["Status"], execution["Error"]) == ("STOPPED", error)
    assert execution["EndTimestamp"] == stopped["StopTimestamp"]
    assert history(server, arn)[-1]["ExecutionStoppedDetails"] == {
        "Error": {"Payload": error, "Truncated": False}
    }


def test_pause_and_resume(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    arn = begin(server, name, CALLING)
    callback = await_event(server, arn, "InvocationCompleted")[1]["CallbackStartedDetails"]
    paused = client.pause_durable_execution(
        DurableExecutionArn=arn, Reason="a look", ExecutionTimeoutPaused=False, ClientToken="t"
    )
    assert (status_of(paused), set(paused)) == (202, {"ResponseMetadata"})
    client.send_durable_execution_callback_success(CallbackId=callback["CallbackId"])
    execution = await_status(server, arn, "PAUSED")
    assert execution["PauseDetails"] == {
        "PauseRequestTimestamp": RECENT,
        "Reason": "a look",
        "ExecutionTimeoutPaused": False,
    }
    again = {"DurableExecutionArn": arn, "ClientToken": "u"}
    assert refused(client.pause_durable_execution, **again) == user_error(
        "ResourceConflictException",
        409,
        "The durable execution cannot be paused in status PAUSED.",
    )
    resumed = client.resume_durable_execution(DurableExecutionArn=arn)
    assert (status_of(resumed), set(resumed)) == (202, {"ResponseMetadata"})
    assert await_status(server, arn)["Status"] == "SUCCEEDED"
    assert [event["EventType"] for event in history(server, arn)] == [
        "ExecutionStarted",
        "CallbackStarted",
        "InvocationCompleted",
        "ExecutionPaused",
        "CallbackSucceeded",
        "ExecutionResumed",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert refused(client.resume_durable_execution, DurableExecutionArn=arn) == user_error(
        "ResourceConflictException",
        409,
        "The durable execution cannot be resumed in status SUCCEEDED.",
    )


def test_delete(server: LambdadServer, name: str) -> None:
    client = lambda_of(server)
    arn = begin(server, name, WAITING)
    assert refused(client.delete_durable_execution, DurableExecutionArn=arn) == user_error(
        "ResourceConflictException",
        409,
        "The durable execution cannot be deleted in status RUNNING.",
    )
    await_event(server, arn, "InvocationCompleted")
    client.stop_durable_execution(DurableExecutionArn=arn)
    deleted = client.delete_durable_execution(DurableExecutionArn=arn)
    assert (status_of(deleted), deleted["DeletionRequestTimestamp"]) == (202, RECENT)
    assert refused(client.get_durable_execution, DurableExecutionArn=arn) == no_execution()


@pytest.mark.parametrize(
    "operation",
    [
        "get_durable_execution",
        "get_durable_execution_history",
        "stop_durable_execution",
        "pause_durable_execution",
        "resume_durable_execution",
        "delete_durable_execution",
    ],
)
def test_executions_that_are_not_there(server: LambdadServer, name: str, operation: str) -> None:
    call = getattr(lambda_of(server), operation)
    arn = missing_arn(name)
    assert refused(call, DurableExecutionArn=arn) == no_execution()
    for other in (("us-east-1", "eu-west-1"), ("000000000000", "111111111111")):
        assert refused(call, DurableExecutionArn=arn.replace(*other)) == no_execution()
    real = begin(server, name, {"lines": []}, DurableExecutionName="real")
    wrong = real.replace("/real/", "/other/")
    assert refused(call, DurableExecutionArn=wrong) == no_execution()


def test_an_arn_that_is_none(server: LambdadServer, name: str) -> None:
    call = lambda_of(server).get_durable_execution
    error = refused(call, DurableExecutionArn=arn_of(name))
    assert error == untyped("ValidationException", 400, error["Error"]["Message"])
    assert error["Error"]["Message"].startswith(
        f"1 validation error detected: Value '{arn_of(name)}' at 'durableExecutionArn' failed to "
        "satisfy constraint: Member must satisfy regular expression pattern: arn:"
    )
