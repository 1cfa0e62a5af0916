"""Invoke by boto3 and the AWS CLI: the three ways, the headers, and how functions fail."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from support.lambda_client import (
    Matching,
    arn_of,
    fresh_name,
    invalid,
    lambda_of,
    make,
    make_code,
    not_found,
    payload_of,
    refused,
    status_of,
    user_error,
)
from support.packages import zip_of
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
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if any(event["message"].strip() == "got 41" for event in found):
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the event did not run")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert any(event["message"].startswith(f"START RequestId: {request_id}") for event in found)


def test_a_dry_run(server: LambdadServer, echo: str) -> None:
    client = lambda_of(server)
    answer = client.invoke(FunctionName=echo, InvocationType="DryRun")
    assert (status_of(answer), answer["StatusCode"]) == (204, 204)
    assert answer["Payload"].read() == b""


def test_refused(server: LambdadServer, echo: str) -> None:
    client, gone = lambda_of(server), fresh_name()
    assert refused(client.invoke, FunctionName=gone) == not_found(
        f"Function not found: {arn_of(gone, '$LATEST')}"
    )
    assert refused(client.invoke, FunctionName=echo, Qualifier="no") == not_found(
        f"Function not found: {arn_of(echo, 'no')}"
    )
    assert refused(client.invoke, FunctionName=f"{echo}:1", Qualifier="2") == invalid(
        "The derived qualifier from the function name does not match the specified qualifier."
    )
    source = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
    assert refused(client.invoke, FunctionName=echo, Payload=b"\x99x") == user_error(
        "InvalidRequestContentException",
        400,
        "Could not parse request body into json: Could not parse payload into json: Unexpected "
        "character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, "
        f"Object or token 'null', 'true' or 'false')\n at {source}line: 1, column: 1]",
    )
    large = b'"' + b"x" * 6_291_455 + b'"'
    assert refused(client.invoke, FunctionName=echo, Payload=large) == user_error(
        "RequestTooLargeException",
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
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
