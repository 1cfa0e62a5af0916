"""UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion, ListVersionsByFunction."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.records import Reason
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.tags import tag_resource, untag_resource
from lambdad.services.lambda_.versions import list_versions_by_function, publish_version
from support.control_plane import (
    ACCOUNT,
    IN_PROGRESS,
    LISTED,
    PENDING,
    REGION,
    Plane,
    configuration,
    creation,
    error_of,
    plane,
)
from support.packages import zip_of
from support.patience import PATIENCE_S

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}
NEW = zip_of({"index.py": "new = 1\n"})
NEW_CODE = {
    "CodeSize": len(NEW),
    "CodeSha256": base64.b64encode(hashlib.sha256(NEW).digest()).decode(),
}


async def created(p: Plane, **changes: Any) -> None:
    await p.run(create_function, **creation(**changes))
    await p.settle()


async def shown(p: Plane, **params: Any) -> dict[str, Any]:
    return await p.run(get_function_configuration, **({"FunctionName": "f"} | params))


def test_update_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            before = await shown(p)
            p.clock.advance(1.5)
            modified = {"LastModified": "2026-01-01T00:00:01.500+0000"}
            answer = await p.run(update_function_code, FunctionName="f", ZipFile=NEW)
            assert answer == configuration(**NEW_CODE, **IN_PROGRESS, **modified)
            await p.settle()
            after = await shown(p)
            assert after == configuration(**NEW_CODE, **modified)
            assert len({x["RevisionId"] for x in (before, answer, after)}) == 3

    asyncio.run(scenario())


def test_update_code_and_publish(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            answer = await p.run(
                update_function_code,
                FunctionName="f",
                ZipFile=NEW,
                Publish=True,
                Architectures=["arm64"],
            )
            new: dict[str, Any] = {**NEW_CODE, "Architectures": ["arm64"]}
            one = {"Version": "1", "FunctionArn": f"{ARN}:1"}
            assert answer == configuration(**new, **one, **PENDING)
            await p.settle()
            assert await shown(p) == configuration(**new)
            assert await shown(p, Qualifier="1") == configuration(**new, **one)

    asyncio.run(scenario())


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            before = await shown(p)
            params = {"FunctionName": "f", "ZipFile": NEW, "DryRun": True}
            answer = await p.run(update_function_code, **params, Architectures=["arm64"])
            assert answer == before | NEW_CODE | {"Architectures": ["arm64"]}
            assert await shown(p) == before

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"ImageUri": "x"},
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ),
        ({}, "Please provide a source for function code."),
        (
            {"S3Bucket": "bucket", "S3Key": "k"},
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
            "specified bucket does not exist",
        ),
        (
            {"ZipFile": b"x"},
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
    ],
)
def test_update_code_errors(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            found = await error_of(p.run(update_function_code, FunctionName="f", **params))
            assert found == ("InvalidParameterValueException", 400, message, USER)

    asyncio.run(scenario())


CONFIGURATION_CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"Runtime": "python3.13"}, {"Runtime": "python3.13"}),
    ({"Handler": "x.y", "Role": "arn:other"}, {"Handler": "x.y", "Role": "arn:other"}),
    ({"Description": ""}, {"Description": ""}),
    ({"Timeout": 10, "MemorySize": 256}, {"Timeout": 10, "MemorySize": 256}),
    ({"Environment": {"Variables": {"B": "2"}}}, {"Environment": {"Variables": {"B": "2"}}}),
    ({"Environment": {"Variables": {}}}, {"Environment": {"Variables": {}}}),
    ({"DeadLetterConfig": {"TargetArn": ""}}, {"DeadLetterConfig": None}),
    ({"KMSKeyArn": ""}, {"KMSKeyArn": None}),
    ({"Layers": []}, {}),
    ({"EphemeralStorage": {"Size": 600}}, {"EphemeralStorage": {"Size": 600}}),
    ({"TracingConfig": {"Mode": "Active"}}, {"TracingConfig": {"Mode": "Active"}}),
    (
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}},
    ),
    (
        {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}},
        {
            "VpcConfig": {
                "SubnetIds": [],
                "SecurityGroupIds": [],
                "VpcId": "",
                "Ipv6AllowedForDualStack": False,
            }
        },
    ),
]


@pytest.mark.parametrize(("params", "changes"), CONFIGURATION_CHANGES)
def test_update_configuration(
    tmp_path: Path, params: dict[str, Any], changes: dict[str, Any]
) -> None:
    """What is absent stays, maps are replaced whole, an empty text takes away."""
    queue, key = "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:kms:us-east-1:1:key/k"

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(
                p,
                Description="old",
                Environment={"Variables": {"A": "1"}},
                DeadLetterConfig={"TargetArn": queue},
                KMSKeyArn=key,
            )
            given: dict[str, Any] = {
                "Description": "old",
                "Environment": {"Variables": {"A": "1"}},
                "DeadLetterConfig": {"TargetArn": queue},
                "KMSKeyArn": key,
            }
            before = await shown(p)
            answer = await p.run(update_function_configuration, FunctionName="f", **params)
            assert answer == configuration(**given | changes | IN_PROGRESS)
            await p.settle()
            after = await shown(p)
            assert after == configuration(**given | changes)
            # two revisions for every update, even one that changes nothing (quirk 2)
            assert len({x["RevisionId"] for x in (before, answer, after)}) == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("steps", "logging"),
    [
        (
            [{"LogFormat": "JSON"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
        ),
        (
            [{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"},
        ),
        (
            [{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, {"SystemLogLevel": "WARN"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN"},
        ),
        ([{"LogFormat": "JSON"}, {"LogFormat": "Text"}], {"LogFormat": "Text"}),
        ([{"LogGroup": "mine"}], {"LogFormat": "Text", "LogGroup": "mine"}),
        (
            [{"LogGroup": "mine"}, {"LogFormat": "JSON"}],
            {
                "LogFormat": "JSON",
                "LogGroup": "mine",
                "ApplicationLogLevel": "INFO",
                "SystemLogLevel": "INFO",
            },
        ),
    ],
)
def test_logging_is_changed_member_by_member(
    tmp_path: Path, steps: list[dict[str, str]], logging: dict[str, str]
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            for step in steps:
                await p.run(update_function_configuration, FunctionName="f", LoggingConfig=step)
                await p.settle()
            expected = {"LogGroup": "/aws/lambda/f"} | logging
            assert await shown(p) == configuration(LoggingConfig=expected)

    asyncio.run(scenario())


def test_nothing_else_while_an_update_is_in_progress(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            await p.run(update_function_configuration, FunctionName="f", Timeout=5)
            conflict = (
                "ResourceConflictException",
                409,
                "The operation cannot be performed at this time. An update is in progress for "
                f"resource: {ARN}",
                USER,
            )
            for operation, params in (
                (update_function_configuration, {"FunctionName": "f"}),
                (update_function_code, {"FunctionName": "f", "ZipFile": NEW}),
                (publish_version, {"FunctionName": "f"}),
                (tag_resource, {"Resource": ARN, "Tags": {"a": "b"}}),
                (untag_resource, {"Resource": ARN, "TagKeys": ["a"]}),
            ):
                assert await error_of(p.run(operation, **params)) == conflict
            await p.settle()

    asyncio.run(scenario())


def test_nothing_else_while_it_is_created(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            conflict = (
                "ResourceConflictException",
                409,
                "The operation cannot be performed at this time. The function is currently in "
                "the following state: Pending",
                USER,
            )
            for operation, params in (
                (update_function_configuration, {"FunctionName": "f"}),
                (update_function_code, {"FunctionName": "f", "ZipFile": NEW}),
                (publish_version, {"FunctionName": "f"}),
            ):
                assert await error_of(p.run(operation, **params)) == conflict
            await p.settle()

    asyncio.run(scenario())


def test_revisions_are_preconditions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            answer = await p.run(create_function, **creation())
            await p.settle()
            stale = answer["RevisionId"]
            for operation, params in (
                (update_function_configuration, {"FunctionName": "f"}),
                (update_function_code, {"FunctionName": "f", "ZipFile": NEW}),
                (publish_version, {"FunctionName": "f"}),
            ):
                found = await error_of(p.run(operation, **params, RevisionId=stale))
                assert found == (
                    "PreconditionFailedException",
                    412,
                    "The Revision Id provided does not match the latest Revision Id. Call the "
                    "GetFunction/GetAlias API to retrieve the latest Revision Id",
                    USER,
                )
                current = (await shown(p))["RevisionId"]
                await p.run(operation, **params, RevisionId=current)
                await p.settle()

    asyncio.run(scenario())


def test_publish(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, Description="latest")
            before = await shown(p)
            answer = await p.run(publish_version, FunctionName="f", Description="one")
            one = {"Version": "1", "FunctionArn": f"{ARN}:1"}
            assert answer == configuration(Description="one", **one)
            after = await shown(p)
            assert after == configuration(Description="latest")
            assert len({x["RevisionId"] for x in (before, answer, after)}) == 3
            # unchanged: the same again, and $LATEST's revision stays
            assert await p.run(publish_version, FunctionName="f", Description="two") == answer
            assert await shown(p) == after
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            await p.settle()
            second = await p.run(publish_version, FunctionName="f")
            assert second == configuration(
                Version="2", FunctionArn=f"{ARN}:2", Description="latest", Timeout=9
            )

    asyncio.run(scenario())


def test_publish_only_this_code(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            sha = configuration()["CodeSha256"]
            found = await error_of(p.run(publish_version, FunctionName="f", CodeSha256="other"))
            assert found == (
                "InvalidParameterValueException",
                400,
                "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST "
                f"({sha}). Please try again with the CodeSHA256 in $LATEST.",
                USER,
            )
            await p.run(publish_version, FunctionName="f", CodeSha256=sha)

    asyncio.run(scenario())


def test_a_snapshot_version_waits_and_then_is_optimised(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, SnapStart={"ApplyOn": "PublishedVersions"})
            one = {"Version": "1", "FunctionArn": f"{ARN}:1"}
            snap = {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}}
            p.snapshots.allowed.clear()
            answer = await p.run(publish_version, FunctionName="f")
            assert answer == configuration(**one, **snap, **PENDING)
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            async with asyncio.timeout(PATIENCE_S):
                while (await shown(p))["LastUpdateStatus"] != "Successful":
                    await asyncio.sleep(0.001)
            assert await shown(p, Qualifier="1") == configuration(**one, **snap, **PENDING)
            p.snapshots.allowed.set()
            await p.settle()
            assert await shown(p, Qualifier="1") == configuration(**one, **snap)
            assert p.snapshots.made == [("f", "1")]

    asyncio.run(scenario())


def test_a_version_whose_init_fails_is_failed(tmp_path: Path) -> None:
    """State reasons: Lambda API reference, "FunctionConfiguration". `$LATEST` is not touched."""

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, SnapStart={"ApplyOn": "PublishedVersions"})
            p.snapshots.reason = Reason("It raised.", "FunctionError.RuntimeInitError")
            await p.run(publish_version, FunctionName="f")
            await p.settle()
            snap = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
            assert await shown(p, Qualifier="1") == configuration(
                Version="1",
                FunctionArn=f"{ARN}:1",
                SnapStart=snap,
                State="Failed",
                StateReason="It raised.",
                StateReasonCode="FunctionError.RuntimeInitError",
                LastUpdateStatus=None,
            )
            assert (await shown(p))["State"] == "Active"

    asyncio.run(scenario())


def test_a_snapshot_that_was_interrupted_is_made_at_the_next_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, SnapStart={"ApplyOn": "PublishedVersions"})
            p.snapshots.allowed.clear()
            await p.run(publish_version, FunctionName="f")
        async with plane(tmp_path) as p:
            await p.settle()
            assert p.snapshots.made == [("f", "1")]
            assert (await shown(p, Qualifier="1"))["State"] == "Active"

    asyncio.run(scenario())


def test_there_are_so_many_versions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, versions_per_function=1) as p:
            await created(p)
            await p.run(publish_version, FunctionName="f")
            await p.run(publish_version, FunctionName="f")
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            await p.settle()
            code, _, message, _ = await error_of(p.run(publish_version, FunctionName="f"))
            assert code == "InvalidParameterValueException"
            assert message is not None
            assert "has 1 versions" in message

    asyncio.run(scenario())


def test_list_versions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            for timeout in range(11):
                await p.run(update_function_configuration, FunctionName="f", Timeout=1 + timeout)
                await p.settle()
                await p.run(publish_version, FunctionName="f")
            answer = await p.run(list_versions_by_function, FunctionName="f")
            numbers = ["$LATEST", *(str(n + 1) for n in range(11))]
            assert [version["Version"] for version in answer["Versions"]] == numbers
            assert answer["Versions"][0] == configuration(
                FunctionArn=f"{ARN}:$LATEST", Timeout=11, **LISTED
            )
            assert answer["Versions"][2] == configuration(
                FunctionArn=f"{ARN}:2", Version="2", Timeout=2, **LISTED
            )
            page = await p.run(list_versions_by_function, FunctionName="f", MaxItems=10)
            rest = await p.run(
                list_versions_by_function, FunctionName="f", Marker=page["NextMarker"]
            )
            assert page["Versions"] + rest["Versions"] == answer["Versions"]
            assert "NextMarker" not in rest
            assert (await error_of(p.run(list_versions_by_function, FunctionName="no")))[2] == (
                f"Function not found: {ARN[:-1]}no"
            )

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "operation", [update_function_code, update_function_configuration, publish_version]
)
def test_a_function_that_is_not_there(tmp_path: Path, operation: Any) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            assert await error_of(p.run(operation, FunctionName="f")) == (
                "ResourceNotFoundException", 404, f"Function not found: {ARN}", USER,
            )  # fmt: skip

    asyncio.run(scenario())
