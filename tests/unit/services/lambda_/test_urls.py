"""Function URL configurations: whole answers (semantics §1.12)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

from lambdad.services.lambda_.aliases import create_alias, delete_alias
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.urls import (
    create_function_url_config,
    delete_function_url_config,
    get_function_url_config,
    list_function_url_configs,
    update_function_url_config,
)
from support.control_plane import ACCOUNT, REGION, Plane, creation, error_of, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
F = {"FunctionName": "f"}
NOW = "2026-01-01T00:00:00.000Z"
NO_FUNCTION = ("ResourceNotFoundException", 404, "Function does not exist", USER)
GONE = ("ResourceNotFoundException", 404, "The resource you requested does not exist.", USER)


def config(arn: str = ARN, **changes: Any) -> dict[str, Any]:
    return {
        "FunctionUrl": ANY,
        "FunctionArn": arn,
        "AuthType": "NONE",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "InvokeMode": "BUFFERED",
    } | changes


def without(result: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in names}


@asynccontextmanager
async def one(folder: Path) -> AsyncIterator[Plane]:
    """A function with version 1 and the alias `live`."""
    async with plane(folder) as p:
        await p.run(create_function, **creation(Publish=True))
        await p.settle()
        await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
        yield p


def test_a_url_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            made = await p.run(create_function_url_config, **F, AuthType="NONE")
            assert made == without(config(), "LastModifiedTime", "InvokeMode")
            url = made["FunctionUrl"]
            form = r"http://[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:4566/"
            assert re.fullmatch(form, url)
            assert await error_of(p.run(create_function_url_config, **F, AuthType="NONE")) == (
                "ResourceConflictException",
                409,
                f"Failed to create function url config for [functionArn = {ARN}]. Error message:  "
                "FunctionUrlConfig exists for this Lambda function",
                USER,
            )
            cors = {"AllowOrigins": ["*"], "MaxAge": 5}
            updated = await p.run(
                update_function_url_config, **F, Cors=cors, InvokeMode="RESPONSE_STREAM"
            )
            expected = config(Cors=cors, InvokeMode="RESPONSE_STREAM", FunctionUrl=url)
            assert updated == expected
            changed = await p.run(update_function_url_config, **F, AuthType="AWS_IAM")
            expected |= {"AuthType": "AWS_IAM"}
            assert changed == without(expected, "InvokeMode")
        async with plane(tmp_path) as p:
            assert await p.run(get_function_url_config, **F) == expected
            assert await p.run(delete_function_url_config, **F) == {}
            for operation in (
                get_function_url_config,
                delete_function_url_config,
                update_function_url_config,
            ):
                assert await error_of(p.run(operation, **F)) == GONE

    asyncio.run(scenario())


def test_urls_of_aliases(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            live = F | {"Qualifier": "live"}
            await p.run(create_function_url_config, **F, AuthType="NONE")
            streamed = await p.run(
                create_function_url_config, **live, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
            )
            at_live = config(f"{ARN}:live", InvokeMode="RESPONSE_STREAM")
            assert streamed == without(at_live, "LastModifiedTime")
            every = await p.run(list_function_url_configs, **F)
            assert every == {"FunctionUrlConfigs": [config(), at_live]}
            page = await p.run(list_function_url_configs, **F, MaxItems=1)
            rest = await p.run(list_function_url_configs, **F, Marker=page["NextMarker"])
            assert page["FunctionUrlConfigs"] + rest["FunctionUrlConfigs"] == [config(), at_live]
            await p.run(delete_alias, **F, Name="live")
            assert await p.run(get_function_url_config, **live) == at_live

    asyncio.run(scenario())


def test_who_has_no_url(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            for name in ("g", "f:none", "f:1"):
                params = {"FunctionName": name, "AuthType": "NONE"}
                for operation in (create_function_url_config, update_function_url_config):
                    assert await error_of(p.run(operation, **params)) == NO_FUNCTION
                for operation in (get_function_url_config, delete_function_url_config):
                    assert await error_of(p.run(operation, FunctionName=name)) == GONE
            refusal = await error_of(p.run(list_function_url_configs, FunctionName="g"))
            assert refusal == NO_FUNCTION

    asyncio.run(scenario())
