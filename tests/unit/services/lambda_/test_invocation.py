"""Invoke: the three ways, what is passed on, and what is refused (semantics §2.1)."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from lambdad.api.call import UNMODELLED_HEADERS
from lambdad.core.value import replace
from lambdad.services.lambda_.aliases import create_alias
from lambdad.services.lambda_.configuration import update_function_configuration
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.invocation import invoke
from lambdad.services.lambda_.versions import publish_version
from support.control_plane import ACCOUNT, REGION, Plane, call, creation, error_of, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
RUN = r";Lineage=[0-9a-f]{8}:1"
"""What the guard against loops adds."""
ROOT = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0" + RUN)
HEADERS = [("x-amzn-Remapped-Content-Length", "0"), ("X-Amzn-Trace-Id", ANY)]


@asynccontextmanager
async def function(folder: Path, **limits: int) -> AsyncIterator[Plane]:
    async with plane(folder, **limits) as p:
        await p.run(create_function, **creation())
        await p.settle()
        yield p


def test_request_and_response(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            answer = await p.run(invoke, FunctionName="f", Payload=b'{"a": 1}')
            assert answer == {
                "StatusCode": 200,
                "Payload": b'{"a": 1}',
                "ExecutedVersion": "$LATEST",
                UNMODELLED_HEADERS: HEADERS,
            }
            target, request = p.invoker.invoked[0]
            assert (target.name, target.version) == ("f", "$LATEST")
            assert request.payload == b'{"a": 1}'
            assert request.invoked_arn == ARN
            assert request.request_id == call().request_id
            assert not request.tail
            assert ROOT.fullmatch(request.trace_header)
            assert dict(answer[UNMODELLED_HEADERS])["X-Amzn-Trace-Id"] == request.trace_header

    asyncio.run(scenario())


def test_an_error_of_the_function_is_an_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            p.invoker.function_error = "Unhandled"
            p.invoker.log_tail = b"START\nEND\n"
            answer = await p.run(invoke, FunctionName="f", LogType="Tail")
            assert answer["StatusCode"] == 200
            assert answer["FunctionError"] == "Unhandled"
            assert base64.b64decode(answer["LogResult"]) == b"START\nEND\n"

    asyncio.run(scenario())


def test_an_event(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            answer = await p.run(
                invoke, FunctionName="f:$LATEST", InvocationType="Event", LogType="Tail"
            )
            assert answer == {"StatusCode": 202, UNMODELLED_HEADERS: [("X-Amzn-Trace-Id", ANY)]}
            name, qualifier, request = p.invoker.accepted[0]
            assert (name, qualifier) == ("f", "$LATEST")
            assert request.invoked_arn == f"{ARN}:$LATEST"
            assert request.payload == b""
            assert not request.tail
            assert p.invoker.invoked == []

    asyncio.run(scenario())


def test_a_dry_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            answer = await p.run(invoke, FunctionName="f", InvocationType="DryRun")
            assert answer == {"StatusCode": 204, UNMODELLED_HEADERS: [("X-Amzn-Trace-Id", ANY)]}
            assert p.invoker.invoked == p.invoker.accepted == []

    asyncio.run(scenario())


@pytest.mark.parametrize(("draw", "version"), [(0.0, "2"), (0.29, "2"), (0.31, "1"), (0.99, "1")])
def test_a_weighted_alias(tmp_path: Path, draw: float, version: str) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            await p.run(publish_version, FunctionName="f")
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            await p.settle()
            await p.run(publish_version, FunctionName="f")
            weights = {"AdditionalVersionWeights": {"2": 0.3}}
            await p.run(
                create_alias,
                FunctionName="f",
                Name="live",
                FunctionVersion="1",
                RoutingConfig=weights,
            )
            service = replace(p.service, draw=lambda: draw)
            answer = await invoke(service, call(), {"FunctionName": "f", "Qualifier": "live"})
            assert answer["ExecutedVersion"] == version
            assert p.invoker.invoked[0][1].invoked_arn == f"{ARN}:live"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("params", "arn"),
    [
        ({"FunctionName": "no"}, f"{ARN[:-1]}no:$LATEST"),
        ({"FunctionName": "f", "Qualifier": "no"}, f"{ARN}:no"),
        ({"FunctionName": "f:3"}, f"{ARN}:3"),
        ({"FunctionName": "no", "InvocationType": "DryRun"}, f"{ARN[:-1]}no:$LATEST"),
    ],
)
def test_what_is_not_there(tmp_path: Path, params: dict[str, str], arn: str) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            assert await error_of(p.run(invoke, **params)) == (
                "ResourceNotFoundException", 404, f"Function not found: {arn}", USER,
            )  # fmt: skip

    asyncio.run(scenario())


def test_a_function_that_is_not_ready(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            assert await error_of(p.run(invoke, FunctionName="f")) == (
                "ResourceConflictException",
                409,
                "The operation cannot be performed at this time. The function is currently in "
                "the following state: Pending",
                USER,
            )
            await p.settle()
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            await p.run(invoke, FunctionName="f")
            assert p.invoker.invoked[0][0].timeout_s == 3  # the update is not done
            await p.settle()
            await p.run(invoke, FunctionName="f")
            assert p.invoker.invoked[1][0].timeout_s == 9

    asyncio.run(scenario())


REFUSED: list[tuple[dict[str, Any], str, int, str]] = [
    (
        {"Payload": b'"' + b"x" * 6_291_455 + b'"'},
        "RequestTooLargeException",
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    ),
    (
        {"Payload": b'"' + b"x" * 1_048_575 + b'"', "InvocationType": "Event"},
        "RequestTooLargeException",
        413,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    ),
    (
        {"Payload": b"\x99\xeb,j\x07\xa1zYh"},
        "InvalidRequestContentException",
        400,
        "Could not parse request body into json: Could not parse payload into json: Unexpected "
        "character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, "
        "Object or token 'null', 'true' or 'false')\n at [Source: REDACTED "
        "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]",
    ),
    (
        {"ClientContext": "not base64!"},
        "InvalidRequestContentException",
        400,
        "Client context must be a valid Base64-encoded JSON object.",
    ),
    (
        {"ClientContext": base64.b64encode(b"[]").decode()},
        "InvalidRequestContentException",
        400,
        "Client context must be a valid Base64-encoded JSON object.",
    ),
    (
        {"ClientContext": base64.b64encode(b'{"a":"' + b"x" * 3000 + b'"}').decode()},
        "InvalidRequestContentException",
        400,
        "Client context must be a valid Base64-encoded JSON object.",
    ),
    (
        {"TenantId": "t"},
        "InvalidParameterValueException",
        400,
        "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
        "from your request and try again.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("params", "code", "status", "message"), REFUSED)
def test_refused(
    tmp_path: Path, params: dict[str, Any], code: str, status: int, message: str
) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            found = await error_of(p.run(invoke, FunctionName="f", **params))
            assert found == (code, status, message, USER)
            assert p.invoker.invoked == p.invoker.accepted == []

    asyncio.run(scenario())


def test_the_largest_payloads(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            await p.run(invoke, FunctionName="f", Payload=b'"' + b"x" * 6_291_454 + b'"')
            event = b'"' + b"x" * 1_048_574 + b'"'
            await p.run(invoke, FunctionName="f", Payload=event, InvocationType="Event")

    asyncio.run(scenario())


def test_the_client_context_reaches_the_function(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            encoded = base64.b64encode(b'{"custom":{"a":"b"}}').decode()
            await p.run(invoke, FunctionName="f", ClientContext=encoded)
            assert p.invoker.invoked[0][1].client_context == '{"custom":{"a":"b"}}'

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
        ("Root=1-5759e988-bd862e3fe1be46a994272793", True),
        ("nonsense", False),
        ("Root=1-" + "x" * 2000, False),
    ],
)
def test_the_callers_trace_goes_on(tmp_path: Path, header: str, kept: bool) -> None:
    async def scenario() -> None:
        async with function(tmp_path) as p:
            caller = call(headers={"x-amzn-trace-id": header})
            await invoke(p.service, caller, {"FunctionName": "f"})
            trace = p.invoker.invoked[0][1].trace_header
            assert (re.fullmatch(re.escape(header) + RUN, trace) is not None) is kept
            assert kept or ROOT.fullmatch(trace)

    asyncio.run(scenario())
