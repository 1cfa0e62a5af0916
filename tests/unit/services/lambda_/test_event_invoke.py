"""Settings of asynchronous invocation, recursion and runtime management: whole answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.attachments import EventInvoke
from lambdad.services.lambda_.event_invoke import (
    delete_function_event_invoke_config,
    get_function_event_invoke_config,
    list_function_event_invoke_configs,
    put_function_event_invoke_config,
    update_function_event_invoke_config,
)
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.runtime_settings import (
    get_function_recursion_config,
    get_runtime_management_config,
    put_function_recursion_config,
    put_runtime_management_config,
)
from support.control_plane import ACCOUNT, REGION, creation, error_of, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def config(qualifier: str = "$LATEST", **changes: Any) -> dict[str, Any]:
    return {
        "LastModified": NOW,
        "FunctionArn": f"{ARN}:{qualifier}",
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    } | changes


def test_event_invoke_settings_live(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation(Publish=True))
            await p.settle()
            f = {"FunctionName": "f"}
            put = await p.run(put_function_event_invoke_config, **f, MaximumRetryAttempts=0)
            assert put == config(MaximumRetryAttempts=0)
            destinations = {"OnFailure": {"Destination": QUEUE}}
            merged = await p.run(
                update_function_event_invoke_config,
                **f,
                MaximumEventAgeInSeconds=60,
                DestinationConfig=destinations,
            )
            expected = config(
                MaximumRetryAttempts=0,
                MaximumEventAgeInSeconds=60,
                DestinationConfig={"OnSuccess": {}} | destinations,
            )
            assert merged == expected
            assert await p.run(get_function_event_invoke_config, **f) == expected
            function = p.catalog.get(ACCOUNT, REGION, "f")
            assert function is not None
            assert function.event_invokes == {
                "$LATEST": EventInvoke(1_767_225_600_000, 0, 60, None, QUEUE)
            }
            await p.run(
                put_function_event_invoke_config, **f, Qualifier="1", MaximumRetryAttempts=2
            )
            one = config("1", MaximumRetryAttempts=2)
            assert await p.run(list_function_event_invoke_configs, **f) == {
                "FunctionEventInvokeConfigs": [expected, one]
            }
        async with plane(tmp_path) as p:
            page = await p.run(list_function_event_invoke_configs, **f, MaxItems=1)
            rest = await p.run(
                list_function_event_invoke_configs, **f, Marker=page.pop("NextMarker")
            )
            assert (page, rest) == (
                {"FunctionEventInvokeConfigs": [expected]},
                {"FunctionEventInvokeConfigs": [one]},
            )
            assert await p.run(delete_function_event_invoke_config, **f) == {}
            text = f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"
            for operation in (
                get_function_event_invoke_config,
                delete_function_event_invoke_config,
            ):
                assert await error_of(p.run(operation, **f)) == (
                    "ResourceNotFoundException", 404, text, USER,
                )  # fmt: skip

    asyncio.run(scenario())


def destination(success: str | None = None, failure: str | None = None) -> dict[str, Any]:
    given = {}
    if success:
        given["OnSuccess"] = {"Destination": success}
    if failure:
        given["OnFailure"] = {"Destination": failure}
    return {"DestinationConfig": given}


OTHER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:g"
BUCKET = "arn:aws:s3:::b"
REFUSED = [
    ({}, "You must specify at least one of error handling or destination setting."),
    (destination(ARN), "You can't specify the function as a destination for itself."),
    (destination(failure=OTHER), f"The destination ARN {OTHER} is invalid."),
    (
        destination(BUCKET),
        "The provided destination config DestinationConfig("
        f"onSuccess=OnSuccess(destination={BUCKET}), onFailure=null) is invalid.",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_settings_that_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            params = {"FunctionName": "f"} | changes
            assert await error_of(p.run(put_function_event_invoke_config, **params)) == (
                "InvalidParameterValueException", 400, message, USER,
            )  # fmt: skip
            await p.settle()

    asyncio.run(scenario())


def test_who_has_no_settings(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            gone = ("ResourceNotFoundException", 404, "The function doesn't exist.", USER)
            params: dict[str, Any] = {"FunctionName": "g", "MaximumRetryAttempts": 1}
            assert await error_of(p.run(put_function_event_invoke_config, **params)) == gone
            assert await error_of(p.run(list_function_event_invoke_configs, **params)) == gone

    asyncio.run(scenario())


def test_recursion_and_runtime_management(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            f = {"FunctionName": "f"}
            assert await p.run(get_function_recursion_config, **f) == {"RecursiveLoop": "Terminate"}
            allow = {"RecursiveLoop": "Allow"}
            assert await p.run(put_function_recursion_config, **f, **allow) == allow
            assert await p.run(get_function_recursion_config, **f) == allow
            function = p.catalog.get(ACCOUNT, REGION, "f")
            assert function is not None
            assert function.recursive_loop == "Allow"
            auto = {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"}
            assert await p.run(get_runtime_management_config, **f) == auto
            pinned = {
                "UpdateRuntimeOn": "Manual",
                "RuntimeVersionArn": f"arn:aws:lambda:{REGION}::runtime:{'a' * 64}",
            }
            answer = await p.run(put_runtime_management_config, **f, **pinned)
            assert answer == auto | pinned
            assert await p.run(get_runtime_management_config, **f) == answer
            code, *_ = await error_of(
                p.run(put_runtime_management_config, **f, UpdateRuntimeOn="Manual")
            )
            assert code == "InvalidParameterValueException"
            text = f"Function not found: {ARN}:7"
            refusal = await error_of(p.run(get_runtime_management_config, FunctionName="f:7"))
            assert refusal == ("ResourceNotFoundException", 404, text, USER)

    asyncio.run(scenario())
