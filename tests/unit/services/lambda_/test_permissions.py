"""Resource policies of functions: whole answers (semantics §1.8), and what the catalog shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from lambdad.services.lambda_.aliases import create_alias, delete_alias
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.permissions import add_permission, get_policy, remove_permission
from lambdad.services.lambda_.resource_policy import (
    delete_resource_policy,
    get_resource_policy,
    put_resource_policy,
)
from support.control_plane import ACCOUNT, REGION, Plane, creation, error_of, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
GONE = ("ResourceNotFoundException", 404, "The resource you requested does not exist.", USER)


def grant(sid: str = "s", **changes: Any) -> dict[str, Any]:
    return {
        "FunctionName": "f",
        "StatementId": sid,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    } | changes


def statement(sid: str = "s", resource: str = ARN, **changes: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
    } | changes


@asynccontextmanager
async def one(folder: Path, **limits: Any) -> AsyncIterator[Plane]:
    """A function with version 1 and the alias `live`."""
    async with plane(folder, **limits) as p:
        await p.run(create_function, **creation(Publish=True))
        await p.settle()
        await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
        yield p


def test_a_policy_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            answer = await p.run(add_permission, **grant())
            assert json.loads(answer.pop("Statement")) == statement()
            assert answer == {}
            first = await p.run(get_policy, FunctionName="f")
            await p.run(add_permission, **grant("t", RevisionId=first["RevisionId"]))
            both = await p.run(get_policy, FunctionName="f")
            assert both == {"Policy": ANY, "RevisionId": ANY}
            assert both["RevisionId"] != first["RevisionId"]
            assert json.loads(both["Policy"]) == {
                "Version": "2012-10-17",
                "Id": "default",
                "Statement": [statement(), statement("t")],
            }
            stale = grant("u", RevisionId=first["RevisionId"])
            assert await error_of(p.run(add_permission, **stale)) == (
                "PreconditionFailedException",
                412,
                "The Revision Id provided does not match the latest Revision Id. Call the "
                "GetPolicy API to retrieve the latest Revision Id",
                USER,
            )
            function = p.catalog.get(ACCOUNT, REGION, "f")
            assert function is not None
            assert list(function.policies) == [""]
            assert [each.sid for each in function.policies[""].statements] == ["s", "t"]
        async with plane(tmp_path) as p:
            assert await p.run(get_policy, FunctionName="f") == both
            for sid in ("s", "t"):
                assert await p.run(remove_permission, FunctionName="f", StatementId=sid) == {}
            assert await error_of(p.run(get_policy, FunctionName="f")) == GONE

    asyncio.run(scenario())


PRINCIPALS = [
    ("*", "*"),
    ("111111111111", {"AWS": "arn:aws:iam::111111111111:root"}),
    ("arn:aws:iam::111111111111:role/r", {"AWS": "arn:aws:iam::111111111111:role/r"}),
    ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
]


@pytest.mark.parametrize(("given", "written"), PRINCIPALS)
def test_principals(tmp_path: Path, given: str, written: object) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            answer = await p.run(add_permission, **grant(Principal=given))
            assert json.loads(answer["Statement"]) == statement(Principal=written)

    asyncio.run(scenario())


def test_conditions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            answer = await p.run(
                add_permission,
                **grant(
                    Action="lambda:InvokeFunctionUrl",
                    Principal="*",
                    SourceArn="arn:aws:s3:::b",
                    SourceAccount=ACCOUNT,
                    PrincipalOrgID="o-1234567890",
                    EventSourceToken="t",
                    FunctionUrlAuthType="NONE",
                    InvokedViaFunctionUrl=True,
                ),
            )
            assert json.loads(answer["Statement"])["Condition"] == {
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                "StringEquals": {
                    "AWS:SourceAccount": ACCOUNT,
                    "aws:PrincipalOrgID": "o-1234567890",
                    "lambda:EventSourceToken": "t",
                    "lambda:FunctionUrlAuthType": "NONE",
                },
                "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
            }

    asyncio.run(scenario())


def test_each_qualifier_has_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            for qualifier in ("live", "1"):
                answer = await p.run(add_permission, **grant(Qualifier=qualifier))
                arn = f"{ARN}:{qualifier}"
                assert json.loads(answer["Statement"]) == statement(resource=arn)
            assert await error_of(p.run(get_policy, FunctionName="f")) == GONE
            await p.run(delete_alias, FunctionName="f", Name="live")
            assert await error_of(p.run(get_policy, FunctionName="f:live")) == GONE
            assert "Policy" in await p.run(get_policy, FunctionName="f", Qualifier="1")

    asyncio.run(scenario())


ADD_ERRORS = [
    (
        {"FunctionName": "f:$LATEST"},
        ("InvalidParameterValueException", 400,
         "We currently do not support adding policies for $LATEST.", USER),
    ),
    (
        {"Principal": "nobody"},
        ("InvalidParameterValueException", 400,
         "The provided principal was invalid. Please check the principal and try again.", USER),
    ),
    (
        {"FunctionUrlAuthType": "NONE"},
        ("InvalidParameterValueException", 400,
         "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action", USER),
    ),
    (
        {"FunctionName": "g"},
        ("ResourceNotFoundException", 404,
         f"Function not found: {ARN.removesuffix('f')}g", USER),
    ),
    (
        {"Qualifier": "none"},
        ("ResourceNotFoundException", 404, f"Cannot find alias arn: {ARN}:none", USER),
    ),
    (
        {"Qualifier": "42"},
        ("ResourceNotFoundException", 404, f"Function not found: {ARN}:42", USER),
    ),
    (
        {"Qualifier": "no$alias"},
        ("ResourceNotFoundException", 404, f"Function not found: {ARN}:no$alias", USER),
    ),
    (
        {"StatementId": "there"},
        ("ResourceConflictException", 409,
         "The statement id (there) provided already exists. Please provide a new statement id, or "
         "remove the existing statement.", USER),
    ),
    (
        {"SourceArn": "arn:aws:s3:::" + "b" * 900},
        ("PolicyLengthExceededException", 400,
         "The final policy size (1349) is bigger than the limit (1024).", USER),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), ADD_ERRORS)
def test_what_cannot_be_added(tmp_path: Path, changes: dict[str, str], expected: Any) -> None:
    async def scenario() -> None:
        async with one(tmp_path, resource_policy_bytes=1024) as p:
            await p.run(add_permission, **grant("there"))
            assert await error_of(p.run(add_permission, **grant() | changes)) == expected

    asyncio.run(scenario())


def test_what_cannot_be_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:

            async def refusal(name: str, **more: str) -> tuple[str, int, str | None, Any]:
                return await error_of(
                    p.run(remove_permission, FunctionName=name, StatementId="x", **more)
                )

            def missing(text: str) -> tuple[str, int, str, Any]:
                return "ResourceNotFoundException", 404, text, USER

            assert await refusal("g") == missing(f"No policy found for: {ARN.removesuffix('f')}g")
            text = "No policy is associated with the given resource."
            assert await refusal("f") == missing(text)
            assert await refusal("f:no") == missing(f"Cannot find alias arn: {ARN}:no")
            await p.run(add_permission, **grant())
            text = "Statement x is not found in resource policy."
            assert await refusal("f") == missing(text)

    asyncio.run(scenario())


def test_whole_policies(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with one(tmp_path) as p:
            await p.run(add_permission, **grant())
            document = {"Version": "2012-10-17", "Statement": statement("whole")}
            put = await p.run(put_resource_policy, ResourceArn=ARN, Policy=json.dumps(document))
            assert json.loads(put["Policy"]) == document | {"Statement": [statement("whole")]}
            assert await p.run(get_resource_policy, ResourceArn=ARN) == put
            assert await p.run(get_policy, FunctionName="f") == put
            await p.run(add_permission, **grant("more"))
            code, *_ = await error_of(
                p.run(delete_resource_policy, ResourceArn=ARN, RevisionId=put["RevisionId"])
            )
            assert code == "PreconditionFailedException"
            assert await p.run(delete_resource_policy, ResourceArn=ARN) == {}
            assert await error_of(p.run(get_resource_policy, ResourceArn=ARN)) == GONE
            code, *_ = await error_of(p.run(put_resource_policy, ResourceArn=ARN, Policy="{}"))
            assert code == "InvalidParameterValueException"

    asyncio.run(scenario())
