"""Invoke by boto3 and the AWS CLI: the three ways, the headers, and how functions fail.

Semantics §2.1, §2.2; recorded unless said otherwise. What each limit refuses is
`test_concurrency`'s, tenants `test_tenancy`'s, durable functions `test_durable_executions`'.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.capacity_providers import make_managed, make_provider
from support.durable_functions import SPEAKER, make_durable
from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    Matching,
    arn_of,
    fresh_name,
    lambda_of,
    make,
    make_code,
    make_pending,
    make_updating,
    mismatch,
    not_found,
    payload_of,
    pending,
    refused,
    settled,
    status_of,
    throttled,
    unreachable,
    untyped,
    user_error,
    weights,
)
from support.packages import zip_of
from support.patience import wait_for
from support.server import LambdadServer

ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TRACE = Matching(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01].*")


@pytest.fixture(scope="module")
def echo(server: LambdadServer) -> str:
    return make(lambda_of(server))


@pytest.mark.parametrize(
    "payload", [b'{"a": [1, 2.5, null, "\xc3\xa4"]}', b"null", b'"text"', b"[]", b" 1 "]
)
def test_request_and_response(server: LambdadServer, echo: str, payload: bytes) -> None:
    answer = lambda_of(server).invoke(FunctionName=echo, Payload=payload)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert status_of(answer) == 200
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    assert headers["content-type"] == "application/json"
    assert headers["x-amzn-remapped-content-length"] == "0"
    assert headers["x-amzn-trace-id"] == TRACE
    assert json.loads(answer["Payload"].read()) == json.loads(payload)


def test_no_payload_is_an_empty_object(server: LambdadServer, echo: str) -> None:
    assert payload_of(lambda_of(server).invoke(FunctionName=echo)) == {}


def test_the_end_of_the_log(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make_code(client, "def handler(event, context):\n    print('hello')\n")
    answer = client.invoke(FunctionName=name, LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert lines[0] == f"START RequestId: {request_id} Version: $LATEST"
    assert "hello" in lines
    assert f"END RequestId: {request_id}" in lines
    assert lines[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert answer["Payload"].read() == b"null"


def test_what_the_function_is_told(server: LambdadServer) -> None:
    client = lambda_of(server)
    source = """
def handler(event, context):
    return {
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "custom": context.client_context.custom,
    }
"""
    name = make_code(client, source, Publish=True)
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    answer = client.invoke(FunctionName=name, Qualifier="1", ClientContext=context)
    assert payload_of(answer) == {
        "id": answer["ResponseMetadata"]["RequestId"],
        "arn": arn_of(name, "1"),
        "name": name,
        "version": "1",
        "memory": "128",
        "group": f"/aws/lambda/{name}",
        "custom": {"k": "v"},
    }


FAILURES: list[tuple[str, dict[str, Any]]] = [
    (
        "def handler(event, context):\n    raise ValueError('no')\n",
        {
            "errorMessage": "no",
            "errorType": "ValueError",
            "requestId": Matching(ID),
            "stackTrace": [
                "  File \"/var/task/index.py\", line 2, in handler\n    raise ValueError('no')\n"
            ],
        },
    ),
    (
        "import sys\ndef handler(event, context):\n    sys.exit(0)\n",
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": Matching(
                f"RequestId: {ID} Error: Runtime exited without providing a reason"
            ),
        },
    ),
    (
        "import time\ndef handler(event, context):\n    time.sleep(60)\n",
        {
            "errorType": "Sandbox.Timedout",
            "errorMessage": Matching(rf"RequestId: {ID} Error: Task timed out after 1\.00 seconds"),
        },
    ),
    (
        "def handler(event, context):\n    return 'x' * 6291555\n",
        {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            "(6291556 bytes).",
        },
    ),
    (
        "def other(event, context):\n    return 1\n",
        {
            "errorMessage": "Handler 'handler' missing on module 'index'",
            "errorType": "Runtime.HandlerNotFound",
            "requestId": Matching(f"({ID})?"),
            "stackTrace": [],
        },
    ),
]


@pytest.mark.parametrize(("source", "error"), FAILURES)
def test_a_function_that_fails_is_an_answer(
    server: LambdadServer, source: str, error: dict[str, Any]
) -> None:
    """Semantics §2.2; HTTP 200 all the same (quirk 7)."""
    client = lambda_of(server)
    name = make_code(client, source, Timeout=1)
    answer = client.invoke(FunctionName=name)
    assert (status_of(answer), answer["FunctionError"]) == (200, "Unhandled")
    found = payload_of(answer)
    if "stackTrace" in found:  # where the driver cannot mount, /var/task has its path on the host
        lines = [line.split("index.py")[-1] for line in found["stackTrace"]]
        wanted = [line.split("index.py")[-1] for line in error["stackTrace"]]
        assert lines == wanted
        found, error = found | {"stackTrace": []}, error | {"stackTrace": []}
    assert found == error


def test_an_event_runs_later(server: LambdadServer, tmp_path: Path) -> None:
    client = lambda_of(server)
    name = make_code(client, "def handler(event, context):\n    print('got', event['n'])\n")
    answer = client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 41}')
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (status_of(answer), answer["StatusCode"]) == (202, 202)
    assert answer["Payload"].read() == b""
    assert "ExecutedVersion" not in answer
    assert headers["x-amzn-trace-id"] == TRACE
    logs = server.client("logs")

    def logged() -> list[dict[str, Any]]:
        try:
            events: list[dict[str, Any]] = logs.filter_log_events(
                logGroupName=f"/aws/lambda/{name}"
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return events

    found = wait_for(
        logged, lambda events: any(event["message"].strip() == "got 41" for event in events)
    )
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert any(event["message"].startswith(f"START RequestId: {request_id}") for event in found)


def test_a_dry_run(server: LambdadServer, echo: str) -> None:
    client = lambda_of(server)
    answer = client.invoke(FunctionName=echo, InvocationType="DryRun")
    assert (status_of(answer), answer["StatusCode"]) == (204, 204)
    assert answer["Payload"].read() == b""


VERSION = "import os\n\ndef handler(event, context):\n    return context.function_version\n"


@pytest.fixture(scope="module")
def two(client: Any) -> str:
    """A function with versions 1 and 2 that tells which one runs."""
    name = make_code(client, VERSION, Publish=True)
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    client.publish_version(FunctionName=name)
    return name


def test_every_qualifier_runs_its_version(client: Any, two: str) -> None:
    client.create_alias(FunctionName=two, Name="second", FunctionVersion="2")
    for name, qualifier, version in (
        (two, None, "$LATEST"),
        (two, "$LATEST", "$LATEST"),
        (two, "1", "1"),
        (f"{two}:2", None, "2"),
        (arn_of(two, "second"), None, "2"),
    ):
        params = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        answer = client.invoke(**params)
        assert (answer["ExecutedVersion"], payload_of(answer)) == (version, version)


def test_weights_really_route(client: Any, two: str) -> None:
    client.create_alias(FunctionName=two, Name="split", FunctionVersion="1", **weights(v2=0.5))
    ran = Counter(client.invoke(FunctionName=f"{two}:split")["ExecutedVersion"] for _ in range(60))
    assert set(ran) == {"1", "2"}  # by chance alone one in 10^18 runs fails


def test_what_is_not_there(client: Any, echo: str) -> None:
    """Told by the version that was meant (quirk 6)."""
    gone = fresh_name()
    assert refused(client.invoke, FunctionName=gone) == not_found(
        f"Function not found: {arn_of(gone, '$LATEST')}"
    )
    for qualifier in ("no", "7"):
        assert refused(client.invoke, FunctionName=echo, Qualifier=qualifier) == not_found(
            f"Function not found: {arn_of(echo, qualifier)}"
        )
    assert refused(client.invoke, FunctionName=ABROAD) == unreachable()
    assert refused(client.invoke, FunctionName=f"{echo}:1", Qualifier="2") == mismatch()


def test_another_account_has_to_open_it(client: Any) -> None:
    """IAM user guide, "Cross-account policy evaluation logic"."""
    other = "arn:aws:lambda:us-east-1:123456789012:function:f"
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:InvokeFunction on "
        f"resource: {other} because no resource-based policy allows the lambda:InvokeFunction "
        "action"
    )
    error = refused(client.invoke, FunctionName=other)
    assert error == untyped("AccessDeniedException", 403, text)


def test_payloads_that_are_refused(client: Any, echo: str) -> None:
    source = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
    assert refused(client.invoke, FunctionName=echo, Payload=b"\x99x") == user_error(
        "InvalidRequestContentException",
        400,
        "Could not parse request body into json: Could not parse payload into json: Unexpected "
        "character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, "
        f"Object or token 'null', 'true' or 'false')\n at {source}line: 1, column: 1]",
    )
    assert refused(client.invoke, FunctionName=echo, ClientContext="e30") == user_error(
        "InvalidRequestContentException",
        400,
        "Client context must be a valid Base64-encoded JSON object.",
    )
    large = b'"' + b"x" * 6_291_455 + b'"'
    assert refused(client.invoke, FunctionName=echo, Payload=large) == user_error(
        "RequestTooLargeException",
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )
    event = {"InvocationType": "Event", "Payload": b'"' + b"x" * 1_048_575 + b'"'}
    assert refused(client.invoke, FunctionName=echo, **event) == user_error(
        "RequestTooLargeException",
        413,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )


def test_not_while_it_is_being_created(client: Any) -> None:
    assert refused(client.invoke, FunctionName=make_pending(client)) == pending()


def test_the_old_code_runs_while_it_is_updated(client: Any) -> None:
    """Developer guide, "Lambda function states"."""
    name = make_updating(client)
    answer = client.invoke(FunctionName=name, Payload=b"[1]")
    assert (answer["ExecutedVersion"], payload_of(answer)) == ("$LATEST", [1])


def test_what_is_reserved_is_the_most(client: Any) -> None:
    name = make(client)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert refused(client.invoke, FunctionName=name) == throttled(
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    )


def test_a_runtime_that_nobody_serves(client: Any) -> None:
    """What lambdad never serves on any machine; the text is ours, the error is the model's."""
    name = make(client, Runtime="dotnet8")
    error = refused(client.invoke, FunctionName=name)
    text = error["Error"]["Message"]
    assert error == user_error("InvalidRuntimeException", 502, text, "Message")
    assert "dotnet" in text


def test_a_loop_is_stopped(server: LambdadServer, client: Any, echo: str) -> None:
    """The text is ours: AWS's is not recorded."""
    trace = client.invoke(FunctionName=echo)["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    looping = lambda_of(server)

    def often(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = trace.rpartition(":")[0] + ":16"

    looping.meta.events.register("before-sign.lambda.Invoke", often)
    assert refused(looping.invoke, FunctionName=echo) == user_error(
        "RecursiveInvocationException",
        400,
        f"Lambda stopped the invocation of {echo}: it has already run 16 times in this chain of "
        "calls, which looks like a recursive loop.",
        "Message",
    )


def test_managed_instances_run_published_versions_only(client: Any) -> None:
    """Developer guide, "Lambda Managed Instances"; the text is ours."""
    name = make_managed(client, make_provider(client))
    assert refused(client.invoke, FunctionName=name) == user_error(
        "NoPublishedVersionException",
        400,
        f"{arn_of(name)} runs on a capacity provider, which takes published versions only.",
        "Message",
    )


def test_a_durable_execution_is_begun_once(server: LambdadServer, client: Any) -> None:
    """Developer guide, "Idempotency"."""
    name = make_durable(server, zip_of({"index.py": SPEAKER}))
    call = {"FunctionName": f"{name}:$LATEST", "DurableExecutionName": "once"}
    begun = client.invoke(**call, Payload=b'{"lines": []}')
    assert refused(client.invoke, **call, Payload=b'{"lines": [[]]}') == user_error(
        "DurableExecutionAlreadyStartedException",
        409,
        f"Execution already started: {begun['DurableExecutionArn']}",
        "Message",
    )


def test_with_the_aws_cli(server: LambdadServer, echo: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    answer = server.aws(
        "lambda", "invoke", "--function-name", echo, "--payload", '{"a": 1}', str(out)
    )  # fmt: skip
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert json.loads(out.read_text()) == {"a": 1}


def test_a_bootstrap_of_ones_own(server: LambdadServer) -> None:
    """A custom runtime in a shell: provided.al2023, the executable bit kept."""
    client = lambda_of(server)
    script = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "$api/next")
  id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -X POST "$api/$id/response" -d "{\\"got\\": $event}" > /dev/null
done
"""
    archive = zip_of({"bootstrap": script}, mode=0o755)
    name = make(client, Runtime="provided.al2023", Code={"ZipFile": archive})
    assert payload_of(client.invoke(FunctionName=name, Payload=b"[1]")) == {"got": [1]}
