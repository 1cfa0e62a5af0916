"""InvokeWithResponseStream by boto3: chunks while the function runs, and every way it can end.

What a function waits for is another function's URL: it is forbidden until the test opens it.
Sources: Lambda API reference, "InvokeWithResponseStream"; semantics §2.1.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.capacity_providers import make_managed, make_provider
from support.lambda_client import (
    Matching,
    arn_of,
    body_of,
    invalid,
    lambda_of,
    make,
    make_code,
    make_pending,
    not_found,
    pending,
    refused,
    status_of,
    throttled,
    user_error,
)
from support.packages import zip_of
from support.server import LambdadServer
from support.url_client import allow_everyone

TRACE = Matching(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01].*")
NODE = """
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream.setContentType('text/plain');
  stream.write('first ');
  if (event.gate) {
    while ((await fetch(process.env.AWS_ENDPOINT_URL + event.gate)).status !== 200);
  }
  if (event.fail) throw new TypeError(event.fail);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.hang) await new Promise((resolve) => setTimeout(resolve, 100000));
  stream.write('last');
  stream.end();
});
"""
BASH = r"""#!/bin/bash
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  EVENT=$(curl -sS -D /tmp/head "$API/invocation/next")
  ID=$(sed -n 's/^lambda-runtime-aws-request-id: *\([0-9a-f-]*\).*/\1/Ip' /tmp/head)
  GATE=$(sed -n 's/.*"gate": "\([^"]*\)".*/\1/p' <<< "$EVENT")
  {
    printf 'first '
    until curl -sf "$AWS_ENDPOINT_URL$GATE" >/dev/null; do :; done
    printf last
  } | curl -sS -X POST -H 'Lambda-Runtime-Function-Response-Mode: streaming' \
      -H 'Transfer-Encoding: chunked' -T - "$API/invocation/$ID/response" >/dev/null
done
"""
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


def make_node(client: Any, **changes: Any) -> str:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    runtime = f"nodejs{version.stdout.removeprefix('v').partition('.')[0]}.x"
    code = {"ZipFile": zip_of({"index.js": NODE})}
    return make(client, **({"Runtime": runtime, "Code": code, "Timeout": 60} | changes))


def make_bash(client: Any) -> str:
    code = {"ZipFile": zip_of({"bootstrap": BASH}, mode=0o755)}
    return make(client, Runtime="provided.al2023", Code=code, Timeout=60)


@pytest.fixture(scope="module")
def node(client: Any) -> str:
    return make_node(client)


def closed_gate(client: Any) -> tuple[str, Callable[[], None]]:
    """A path at which a function is forbidden, and what opens it."""
    name = make(client)
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    url_id = urlsplit(url).netloc.partition(".")[0]
    return f"/_lambdad/url/{url_id}/", lambda: allow_everyone(client, name)


def stream(client: Any, name: str, event: object, **params: Any) -> Any:
    payload = json.dumps(event).encode()
    return client.invoke_with_response_stream(FunctionName=name, Payload=payload, **params)


def read(events: Any) -> tuple[bytes, dict[str, Any]]:
    """All chunks, and what InvokeComplete says; it is the last event and the only one."""
    *chunks, last = list(events)
    return b"".join(event["PayloadChunk"]["Payload"] for event in chunks), last["InvokeComplete"]


def ending(client: Any, name: str, event: object, **params: Any) -> tuple[bytes, str, Any]:
    """Chunks, ErrorCode and decoded ErrorDetails."""
    chunks, complete = read(stream(client, name, event, **params)["EventStream"])
    assert complete.keys() == {"ErrorCode", "ErrorDetails"}
    return chunks, complete["ErrorCode"], json.loads(complete["ErrorDetails"])


@pytest.mark.parametrize(
    "make_streaming", [pytest.param(make_node, marks=NEEDS_NODE), make_bash], ids=["node", "bash"]
)
def test_the_first_chunk_is_there_while_the_function_waits(
    client: Any, make_streaming: Callable[[Any], str]
) -> None:
    path, open_gate = closed_gate(client)
    events = iter(stream(client, make_streaming(client), {"gate": path})["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first "}}
    open_gate()
    assert list(events) == [{"PayloadChunk": {"Payload": b"last"}}, {"InvokeComplete": {}}]


def test_the_answers_head(client: Any) -> None:
    answer = stream(client, make(client), {})
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert status_of(answer) == 200
    assert headers["x-amz-executed-version"] == "$LATEST"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["transfer-encoding"] == "chunked"
    assert headers["x-amzn-trace-id"] == TRACE
    assert body_of(answer).keys() == {
        "StatusCode", "ExecutedVersion", "EventStream", "ResponseStreamContentType",
    }  # fmt: skip


def test_a_function_that_does_not_stream_has_one_chunk(client: Any) -> None:
    answer = stream(client, make(client), {"a": [1, "ä"]})
    assert list(answer["EventStream"]) == [
        {"PayloadChunk": {"Payload": b'{"a": [1, "\\u00e4"]}'}},
        {"InvokeComplete": {}},
    ]


def test_the_log_is_in_the_last_event(client: Any) -> None:
    name = make_code(client, "def handler(event, context):\n    print('here')\n")
    chunks, complete = read(stream(client, name, {}, LogType="Tail")["EventStream"])
    assert (chunks, complete.keys()) == (b"null", {"LogResult"})
    lines = base64.b64decode(complete["LogResult"]).decode().splitlines()
    assert lines[1] == "here"
    assert [line.split()[0] for line in lines] == ["START", "here", "END", "REPORT"]


def test_a_function_that_fails_before_it_streams(client: Any) -> None:
    name = make_code(client, "def handler(event, context):\n    raise ValueError('no')\n")
    chunks, code, details = ending(client, name, {})
    assert (chunks, code) == (b"", "Unhandled")
    assert (details["errorType"], details["errorMessage"]) == ("ValueError", "no")


@NEEDS_NODE
def test_a_function_that_fails_midway(client: Any, node: str) -> None:
    chunks, code, details = ending(client, node, {"fail": "no"})
    assert (chunks, code) == (b"first ", "Unhandled")
    assert details.keys() == {"errorType", "errorMessage", "trace"}
    assert (details["errorType"], details["errorMessage"]) == ("TypeError", "no")
    events = list(stream(client, node, {"fail": "no"}, LogType="Tail")["EventStream"])
    log = base64.b64decode(events[-1]["InvokeComplete"]["LogResult"]).decode()
    assert "\tERROR\tInvoke Error \t" in log


@NEEDS_NODE
def test_a_process_that_ends_midway(client: Any, node: str) -> None:
    path, open_gate = closed_gate(client)
    events = iter(stream(client, node, {"gate": path, "exit": 3})["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first "}}
    open_gate()
    (last,) = events
    details = json.loads(last["InvokeComplete"]["ErrorDetails"])
    assert details["errorType"] == "Runtime.ExitError"
    assert details["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")


@NEEDS_NODE
def test_time_that_is_up_midway(client: Any) -> None:
    name = make_node(client, Timeout=1)
    chunks, code, details = ending(client, name, {"hang": True})
    assert (chunks, code, details["errorType"]) == (b"first ", "Unhandled", "Sandbox.Timedout")
    assert details["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


@NEEDS_NODE
def test_invoke_collects_what_is_streamed(client: Any, node: str) -> None:
    answer = client.invoke(FunctionName=node, Payload=b"{}")
    assert answer["Payload"].read() == b"first last"


def test_dry_run(client: Any) -> None:
    answer = stream(client, make(client), {}, InvocationType="DryRun")
    assert status_of(answer) == 204
    assert answer["StatusCode"] == 204
    assert "x-amz-executed-version" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_refusals_come_before_the_stream(client: Any) -> None:
    name = make(client)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    call = client.invoke_with_response_stream
    assert refused(call, FunctionName=name, Qualifier="7") == not_found(
        f"Function not found: {arn}:7"
    )
    broken = refused(call, FunctionName=name, Payload=b"{")
    assert (broken["Error"]["Code"], broken["Status"]) == ("InvalidRequestContentException", 400)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    throttled = refused(call, FunctionName=name)
    assert (throttled["Error"]["Code"], throttled["Status"]) == ("TooManyRequestsException", 429)
    assert throttled["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    durable = refused(call, FunctionName=name, TenantId="t")
    assert durable == invalid(durable["Error"]["Message"])


def test_every_other_refusal(client: Any) -> None:
    """As Invoke refuses; the texts are recorded of it, or ours where `test_invoke.py` says so."""
    call = client.invoke_with_response_stream
    assert refused(call, FunctionName=make_pending(client)) == pending()
    name = make(client)
    large = b'"' + b"x" * 6_291_455 + b'"'
    assert refused(call, FunctionName=name, Payload=large) == user_error(
        "RequestTooLargeException",
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )
    managed = make_managed(client, make_provider(client))
    assert refused(call, FunctionName=managed) == user_error(
        "NoPublishedVersionException",
        400,
        f"{arn_of(managed)} runs on a capacity provider, which takes published versions only.",
        "Message",
    )
    nobody = refused(call, FunctionName=make(client, Runtime="dotnet8"))
    assert nobody == user_error(
        "InvalidRuntimeException", 502, nobody["Error"]["Message"], "Message"
    )
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert refused(call, FunctionName=name) == throttled(
        "ReservedFunctionConcurrentInvocationLimitExceeded"
    )


def test_a_loop_is_stopped(server: LambdadServer, client: Any) -> None:
    name = make(client)
    head = stream(client, name, {})["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    looping = lambda_of(server)

    def often(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = head.rpartition(":")[0] + ":16"

    looping.meta.events.register("before-sign.lambda.InvokeWithResponseStream", often)
    assert refused(looping.invoke_with_response_stream, FunctionName=name) == user_error(
        "RecursiveInvocationException",
        400,
        f"Lambda stopped the invocation of {name}: it has already run 16 times in this chain of "
        "calls, which looks like a recursive loop.",
        "Message",
    )
