"""CreateFunction, GetFunction, ListFunctions, DeleteFunction: whole answers (semantics §1.5)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lambdad.services.lambda_.aliases import create_alias
from lambdad.services.lambda_.configuration import get_function_configuration
from lambdad.services.lambda_.functions import (
    create_function,
    delete_function,
    get_function,
    list_functions,
)
from lambdad.services.lambda_.versions import list_versions_by_function, publish_version
from support.control_plane import (
    ACCOUNT,
    LISTED,
    PENDING,
    REGION,
    Plane,
    call,
    configuration,
    creation,
    error_of,
    plane,
)
from support.packages import zip_of

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
USER = {"Type": "User"}


async def created(p: Plane, name: str = "f", **changes: Any) -> None:
    await p.run(create_function, **creation(name, **changes))
    await p.settle()


def test_create_answers_while_pending(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            answer = await p.run(create_function, **creation())
            assert answer == configuration(**PENDING)
            await p.settle()
            later = await p.run(get_function_configuration, FunctionName="f")
            assert later == configuration()
            assert later["RevisionId"] != answer["RevisionId"]

    asyncio.run(scenario())


def test_create_with_everything(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(
                p,
                Runtime="nodejs22.x",
                Handler="a.b",
                Description="does things",
                Timeout=900,
                MemorySize=10240,
                VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
                PackageType="Zip",
                DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"},
                Environment={"Variables": {"AB": "1"}},
                KMSKeyArn="arn:aws:kms:us-east-1:123456789012:key/k",
                TracingConfig={"Mode": "Active"},
                Tags={"a": "b"},
                Layers=[],
                FileSystemConfigs=[],
                Architectures=["arm64"],
                EphemeralStorage={"Size": 1024},
                SnapStart={"ApplyOn": "None"},
                LoggingConfig={"LogFormat": "JSON", "LogGroup": "mine"},
            )
            answer = await p.run(get_function, FunctionName="f")
            assert answer == {
                "Configuration": configuration(
                    Runtime="nodejs22.x",
                    Handler="a.b",
                    Description="does things",
                    Timeout=900,
                    MemorySize=10240,
                    VpcConfig={
                        "SubnetIds": [],
                        "SecurityGroupIds": [],
                        "VpcId": "",
                        "Ipv6AllowedForDualStack": False,
                    },
                    DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"},
                    Environment={"Variables": {"AB": "1"}},
                    KMSKeyArn="arn:aws:kms:us-east-1:123456789012:key/k",
                    TracingConfig={"Mode": "Active"},
                    Architectures=["arm64"],
                    EphemeralStorage={"Size": 1024},
                    LoggingConfig={
                        "LogFormat": "JSON",
                        "LogGroup": "mine",
                        "ApplicationLogLevel": "INFO",
                        "SystemLogLevel": "INFO",
                    },
                ),
                "Code": {
                    "RepositoryType": "S3",
                    "Location": f"http://localhost:4566/code/{next(p.blobs.digests())}",
                },
                "Tags": {"a": "b"},
            }

    asyncio.run(scenario())


def test_create_and_publish(tmp_path: Path) -> None:
    """Version 1 under the unqualified ARN (recorded)."""

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            answer = await p.run(create_function, **creation(Publish=True))
            assert answer == configuration(Version="1", **PENDING)
            await p.settle()
            first = await p.run(get_function_configuration, FunctionName="f", Qualifier="1")
            assert first == configuration(Version="1", FunctionArn=f"{ARN}:f:1")
            again = await p.run(publish_version, FunctionName="f")
            assert again == first

    asyncio.run(scenario())


@pytest.mark.parametrize("environment", [{"Variables": {}}, {}])
def test_an_empty_environment_is_not_an_absent_one(
    tmp_path: Path, environment: dict[str, Any]
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            answer = await p.run(create_function, **creation(Environment=environment))
            assert answer == configuration(Environment={"Variables": {}}, **PENDING)
            await p.settle()

    asyncio.run(scenario())


def big(count: int) -> dict[str, Any]:
    return {"Variables": {"LARGE": "x" * (count - len('{"LARGE":""}'))}}


LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l"
CREATE_ERRORS: list[tuple[dict[str, Any], str, int, str | None, dict[str, Any]]] = [
    (
        {"FunctionName": "a" * 65},
        "InvalidParameterValueException",
        400,
        f"1 validation error detected: Value '{'a' * 65}' at 'functionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64",
        USER,
    ),
    (
        {"FunctionName": "f:1"},
        "InvalidParameterValueException",
        400,
        "This operation is permitted on Lambda functions only. Aliases and versions do not "
        "support this operation. Please specify either a function name or an unqualified function "
        "ARN.",
        USER,
    ),
    (
        {"FunctionName": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"},
        "ResourceNotFoundException",
        404,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        USER,
    ),
    (
        {"FunctionName": "arn:aws:lambda:us-east-1:999999999999:function:f"},
        "AccessDeniedException",
        403,
        None,
        {},
    ),
    (
        {"Runtime": "python3.6"},
        "InvalidParameterValueException",
        400,
        "The runtime parameter of python3.6 is no longer supported for creating or updating AWS "
        "Lambda functions. We recommend you use a supported runtime while creating or updating "
        "functions.",
        USER,
    ),
    (
        {"Runtime": None},
        "InvalidParameterValueException",
        400,
        "Runtime and Handler are mandatory parameters for functions created with deployment "
        "packages.",
        USER,
    ),
    (
        {"Environment": big(4097)},
        "InvalidParameterValueException",
        400,
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: "
        + '{"LARGE":"' + "x" * 4085 + '"}',
        USER,
    ),
    (
        {"Environment": {"Variables": {"AWS_REGION": "x", "OK": "y", "_HANDLER": "z"}}},
        "InvalidParameterValueException",
        400,
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contains reserved keys that are currently not supported for "
        "modification. Reserved keys used in this request: AWS_REGION, _HANDLER",
        USER,
    ),
    (
        {"Environment": {"Variables": {"AB": "x\0y"}}},
        "InvalidParameterValueException",
        400,
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contain a null character. Keys: AB",
        USER,
    ),
    (
        {"Handler": "a\0.b"},
        "InvalidParameterValueException",
        400,
        "Handler contains a null character.",
        USER,
    ),
    (
        {"Code": {"S3Bucket": "bucket", "S3Key": "key"}},
        "InvalidParameterValueException",
        400,
        "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
        "specified bucket does not exist",
        USER,
    ),
    (
        {"Code": {}},
        "InvalidParameterValueException",
        400,
        "Please provide a source for function code.",
        USER,
    ),
    (
        {"Code": {"ZipFile": b"no zip"}},
        "InvalidParameterValueException",
        400,
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
        USER,
    ),
    (
        {"Code": {"ZipFile": b"x", "S3Bucket": "b"}},
        "InvalidParameterValueException",
        400,
        "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        USER,
    ),
    (
        {"PackageType": "Image", "Code": {"ImageUri": "repo/image:1"}},
        "InvalidParameterValueException",
        400,
        "Source image repo/image:1 does not exist. Provide a valid source image. (lambdad does "
        "not run container images yet: create the function from a zip.)",
        USER,
    ),
    (
        {"Layers": [f"{LAYER}:1"] * 6},
        "InvalidParameterValueException",
        400,
        "Cannot reference more than 5 layers.",
        USER,
    ),
    (
        {"Layers": [f"{LAYER}:1"]},
        "InvalidParameterValueException",
        400,
        f"Layer version {LAYER}:1 does not exist.",
        USER,
    ),
    (
        {"Layers": [f"{LAYER}:1".replace(REGION, "eu-west-1")]},
        "InvalidParameterValueException",
        400,
        "Layers are not in the same region as the function. Layers are expected to be in region "
        "us-east-1.",
        USER,
    ),
    (
        {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        "InvalidParameterValueException",
        400,
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 "
        "Error Message: The subnet ID 'subnet-1' does not exist",
        USER,
    ),
    (
        {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "nodejs22.x"},
        "InvalidParameterValueException",
        400,
        "nodejs22.x is not supported for SnapStart enabled functions.",
        USER,
    ),
    (
        {
            "SnapStart": {"ApplyOn": "PublishedVersions"},
            "EphemeralStorage": {"Size": 513},
            "Runtime": "python3.12",
        },
        "InvalidParameterValueException",
        400,
        "SnapStart is not supported for functions with more than 512 MB of ephemeral storage.",
        USER,
    ),
    (
        {"Tags": {f"k{n}": "v" for n in range(51)}},
        "InvalidParameterValueException",
        400,
        "Number of tags exceeds resource tag limit.",
        USER,
    ),
    (
        {"CodeSigningConfigArn": "arn:csc"},
        "CodeSigningConfigNotFoundException",
        404,
        "The code signing configuration cannot be found. Check that the provided configuration "
        "is not deleted: arn:csc.",
        USER,
    ),
    (
        {"DurableConfig": {"RetentionPeriodInDays": 7}},
        "InvalidParameterValueException",
        400,
        "You cannot create a function with a durable configuration without an executionTimeout",
        USER,
    ),
    (
        {"Timeout": 901},
        "ValidationException",
        400,
        "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900",
        {},
    ),
    (
        {"MemorySize": 10241},
        "ValidationException",
        400,
        "1 validation error detected: Value '10241' at 'memorySize' failed to satisfy "
        "constraint: Member must have value less than or equal to 10240",
        {},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "status", "message", "members"), CREATE_ERRORS)
def test_create_errors(
    tmp_path: Path,
    changes: dict[str, Any],
    code: str,
    status: int,
    message: str | None,
    members: dict[str, Any],
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            params = {key: value for key, value in creation(**changes).items() if value}
            params["Code"] = changes.get("Code", params.get("Code"))
            found = await error_of(p.run(create_function, **params))
            assert found == (code, status, message, members)
            assert (await p.run(list_functions))["Functions"] == []

    asyncio.run(scenario())


def test_variables_of_exactly_4_kb_are_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, Environment=big(4096))

    asyncio.run(scenario())


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            found = await error_of(p.run(create_function, **creation()))
            assert found == (
                "ResourceConflictException", 409, "Function already exist: f", USER,
            )  # fmt: skip
            results = await asyncio.gather(
                *(p.run(create_function, **creation("g")) for _ in range(5)),
                return_exceptions=True,
            )
            assert sum(isinstance(result, dict) for result in results) == 1
            await p.settle()

    asyncio.run(scenario())


def test_limits_of_this_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, functions_per_region=1, code_storage_bytes=200) as p:
            found = await error_of(p.run(create_function, **creation(Publish=True)))
            assert found[0:3] == (
                "CodeStorageExceededException", 400, "Code storage limit exceeded.",
            )  # fmt: skip
            await created(p)
            found = await error_of(p.run(create_function, **creation("g")))
            assert found[0:3] == (
                "InvalidParameterValueException",
                400,
                "This account has 1 functions in us-east-1, the most that this server takes.",
            )

    asyncio.run(scenario())


def test_accounts_and_regions_are_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            for other in (call(account="999999999999"), call(region="eu-west-1")):
                found = await error_of(get_function(p.service, other, {"FunctionName": "f"}))
                assert found[0] == "ResourceNotFoundException"
                await create_function(p.service, other, creation())
                listed = await list_functions(p.service, other, {})
                assert [f["FunctionArn"] for f in listed["Functions"]] == [
                    f"arn:aws:lambda:{other.region}:{other.account}:function:f"
                ]
            await p.settle()

    asyncio.run(scenario())


def test_get_by_every_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            await p.run(publish_version, FunctionName="f", Description="one")
            await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
            one: dict[str, Any] = {"Version": "1", "Description": "one"}
            for params, changes in (
                ({"FunctionName": "f"}, {}),
                ({"FunctionName": f"{ARN}:f"}, {}),
                ({"FunctionName": "f:$LATEST"}, {"FunctionArn": f"{ARN}:f:$LATEST"}),
                ({"FunctionName": "f", "Qualifier": "1"}, {"FunctionArn": f"{ARN}:f:1", **one}),
                ({"FunctionName": "f:live"}, {"FunctionArn": f"{ARN}:f:live", **one}),
            ):
                answer = await p.run(get_function, **params)
                assert answer["Configuration"] == configuration(**changes)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("params", "arn"),
    [
        ({"FunctionName": "no"}, f"{ARN}:no"),
        ({"FunctionName": "no", "Qualifier": "$LATEST"}, f"{ARN}:no:$LATEST"),
        ({"FunctionName": "f", "Qualifier": "12"}, f"{ARN}:f:12"),
        ({"FunctionName": "f:nobody"}, f"{ARN}:f:nobody"),
        ({"FunctionName": "f", "Qualifier": "$latest"}, f"{ARN}:f:$latest"),
    ],
)
def test_what_is_not_there(tmp_path: Path, params: dict[str, str], arn: str) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            for operation in (get_function, get_function_configuration):
                assert await error_of(p.run(operation, **params)) == (
                    "ResourceNotFoundException", 404, f"Function not found: {arn}", USER,
                )  # fmt: skip

    asyncio.run(scenario())


def test_list(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            for name in ("b", "a", "c"):
                await created(p, name, Publish=name == "b")
            listed = await p.run(list_functions)
            assert listed == {"Functions": [configuration(name, **LISTED) for name in "abc"]}
            every = await p.run(list_functions, FunctionVersion="ALL")
            assert every == {
                "Functions": [
                    configuration(name, FunctionArn=f"{ARN}:{name}:{v}", Version=v, **LISTED)
                    for name, v in (
                        ("a", "$LATEST"),
                        ("b", "$LATEST"),
                        ("b", "1"),
                        ("c", "$LATEST"),
                    )
                ]
            }

    asyncio.run(scenario())


@pytest.mark.parametrize("version", [{}, {"FunctionVersion": "ALL"}])
def test_list_by_pages(tmp_path: Path, version: dict[str, str]) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, list_page_items=4) as p:
            for number in range(5):
                await created(p, f"f{number}", Publish=True)
            whole, marker = [], {}
            while True:
                answer = await p.run(list_functions, MaxItems=2, **version, **marker)
                assert len(answer["Functions"]) <= 2
                whole += [(f["FunctionName"], f["Version"]) for f in answer["Functions"]]
                if "NextMarker" not in answer:
                    break
                marker = {"Marker": answer["NextMarker"]}
            numbers = ("$LATEST", "1") if version else ("$LATEST",)
            assert whole == [(f"f{n}", number) for n in range(5) for number in numbers]
            most = await p.run(list_functions, MaxItems=10_000, **version)
            assert len(most["Functions"]) == 4

    asyncio.run(scenario())


@pytest.mark.parametrize("marker", ["nonsense", ":::", "x" * 9000, f"{ARN}:f:{'9' * 9000}", "\0é"])
def test_any_marker_is_a_position(tmp_path: Path, marker: str) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p)
            await p.run(list_functions, Marker=marker)
            await p.run(list_functions, Marker=marker, FunctionVersion="ALL")
            await p.run(list_versions_by_function, FunctionName="f", Marker=marker)

    asyncio.run(scenario())


def test_delete_a_function(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, Publish=True)
            assert await p.run(delete_function, FunctionName="f") == {"StatusCode": 204}
            for params in ({"FunctionName": "f"}, {"FunctionName": "f", "Qualifier": "12"}):
                assert await error_of(p.run(delete_function, **params)) == (
                    "ResourceNotFoundException", 404, f"Function not found: {ARN}:f", USER,
                )  # fmt: skip

    asyncio.run(scenario())


def test_delete_a_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await created(p, Publish=True)
            await p.run(create_alias, FunctionName="f", Name="live", FunctionVersion="1")
            assert await error_of(p.run(delete_function, FunctionName="f:1")) == (
                "ResourceConflictException",
                409,
                "Unable to delete version because the following aliases reference it: [live]",
                USER,
            )
            assert await error_of(p.run(delete_function, FunctionName="f:$LATEST")) == (
                "InvalidParameterValueException",
                400,
                "$LATEST version cannot be deleted without deleting the function.",
                USER,
            )
            assert await error_of(p.run(delete_function, FunctionName="f:live")) == (
                "InvalidParameterValueException",
                400,
                "Deletion of aliases is not currently supported.",
                USER,
            )
            missing = await p.run(delete_function, FunctionName="f", Qualifier="12")
            assert missing == {"StatusCode": 204}

    asyncio.run(scenario())


def test_a_function_may_be_deleted_while_it_is_made(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.run(delete_function, FunctionName="f")
            await p.run(create_function, **creation(Code={"ZipFile": zip_of({"b.py": ""})}))
            await p.settle()
            answer = await p.run(get_function, FunctionName="f")
            assert answer["Configuration"]["State"] == "Active"

    asyncio.run(scenario())
