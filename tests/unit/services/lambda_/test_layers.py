"""Layers: whole answers (semantics §1.7), and how functions hold them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.api.call import Call
from lambdad.functions.snapshot import FunctionVersion
from lambdad.services.lambda_.account import get_account_settings
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.functions import create_function, delete_function
from lambdad.services.lambda_.layer_permissions import (
    add_layer_version_permission,
    get_layer_version_policy,
    remove_layer_version_permission,
)
from lambdad.services.lambda_.layers import (
    delete_layer_version,
    get_layer_version,
    get_layer_version_by_arn,
    list_layer_versions,
    list_layers,
    publish_layer_version,
)
from lambdad.services.lambda_.versions import publish_version
from support.control_plane import ACCOUNT, REGION, Plane, call, creation, error_of, plane
from support.packages import zip_of

LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l"
USER = {"Type": "User"}
ZIP = zip_of({"python/lib.py": "x = 1\n"})
STRANGER = "222222222222"


def listed(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "LayerVersionArn": f"{LAYER}:{number}",
        "Version": number,
        "Description": "",
        "CreatedDate": "2026-01-01T00:00:00.000+0000",
    } | changes


def whole(number: int, archive: bytes = ZIP, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(archive)
    return listed(number, **changes) | {
        "LayerArn": LAYER,
        "Content": {
            "Location": f"http://localhost:4566/code/{digest.hexdigest()}",
            "CodeSha256": base64.b64encode(digest.digest()).decode(),
            "CodeSize": len(archive),
        },
    }


async def publish(p: Plane, name: str = "l", archive: bytes = ZIP, **more: Any) -> dict[str, Any]:
    return await p.run(publish_layer_version, LayerName=name, Content={"ZipFile": archive}, **more)


def latest(p: Plane) -> FunctionVersion:
    function = p.catalog.get(ACCOUNT, REGION, "f")
    assert function is not None
    return function.versions["$LATEST"]


def test_a_layer_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        said = {
            "Description": "d",
            "LicenseInfo": "MIT",
            "CompatibleRuntimes": ["python3.12"],
            "CompatibleArchitectures": [],
        }
        async with plane(tmp_path) as p:
            assert await publish(p, **said) == whole(1, **said)
            assert await publish(p, LAYER) == whole(2)
            assert await p.run(list_layer_versions, LayerName="l") == {
                "LayerVersions": [listed(2), listed(1, **said)]
            }
            settings = await p.run(get_account_settings)
            assert settings["AccountUsage"]["TotalCodeSize"] == 2 * len(ZIP)
        async with plane(tmp_path) as p:
            one = {"LayerName": "l", "VersionNumber": 1}
            assert await p.run(get_layer_version, **one) == whole(1, **said)
            assert await p.run(get_layer_version_by_arn, Arn=f"{LAYER}:2") == whole(2)
            for _ in range(2):
                assert await p.run(delete_layer_version, **one) == {}
            await p.run(delete_layer_version, LayerName="l", VersionNumber=2)
            assert await p.run(list_layer_versions, LayerName="l") == {"LayerVersions": []}
            assert await p.run(list_layers) == {"Layers": []}
            settings = await p.run(get_account_settings)
            assert settings["AccountUsage"]["TotalCodeSize"] == 0
        async with plane(tmp_path) as p:
            assert (await publish(p))["Version"] == 3

    asyncio.run(scenario())


def test_lists_of_layers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await publish(p, "b", CompatibleRuntimes=["python3.12"])
            await publish(p, "b")
            await publish(p, "a", CompatibleArchitectures=["arm64"])

            async def names(**filters: Any) -> list[tuple[str, int]]:
                return [
                    (each["LayerName"], each["LatestMatchingVersion"]["Version"])
                    for each in (await p.run(list_layers, **filters))["Layers"]
                ]

            assert await names() == [("a", 1), ("b", 2)]
            assert await names(CompatibleRuntime="python3.12") == [("b", 1)]
            assert await names(CompatibleArchitecture="arm64") == [("a", 1)]
            page = await p.run(list_layers, MaxItems=1)
            assert await names(Marker=page["NextMarker"]) == [("b", 2)]
            page = await p.run(list_layer_versions, LayerName="b", MaxItems=1)
            rest = await p.run(list_layer_versions, LayerName="b", Marker=page["NextMarker"])
            assert [each["Version"] for each in rest["LayerVersions"]] == [1]

    asyncio.run(scenario())


def test_missing_layers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            for operation in (get_layer_version, delete_layer_version, get_layer_version_policy):
                refusal = await error_of(p.run(operation, LayerName="l", VersionNumber=0))
                text = "Layer Version Cannot be less than 1"
                assert refusal == ("InvalidParameterValueException", 400, text, USER)
            gone = "The resource you requested does not exist."
            for refusal in (
                await error_of(p.run(get_layer_version, LayerName="l", VersionNumber=1)),
                await error_of(p.run(get_layer_version_by_arn, Arn=f"{LAYER}:1")),
            ):
                assert refusal == ("ResourceNotFoundException", 404, gone, USER)
            refusal = await error_of(
                p.run(get_layer_version_policy, LayerName="l", VersionNumber=1)
            )
            text = f"Layer version {LAYER}:1 does not exist."
            assert refusal == ("ResourceNotFoundException", 404, text, USER)

    asyncio.run(scenario())


def test_the_policy_of_a_layer_version(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await publish(p)
            one = {"LayerName": "l", "VersionNumber": 1}
            grant = one | {"Action": "lambda:GetLayerVersion", "Principal": "*"}
            added = await p.run(add_layer_version_permission, **grant, StatementId="s")
            statement = {
                "Sid": "s",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "lambda:GetLayerVersion",
                "Resource": f"{LAYER}:1",
            }
            assert json.loads(added["Statement"]) == statement
            policy = await p.run(get_layer_version_policy, **one)
            assert policy["RevisionId"] == added["RevisionId"]
            assert json.loads(policy["Policy"]) == {
                "Version": "2012-10-17",
                "Id": "default",
                "Statement": [statement],
            }
            stale = p.run(add_layer_version_permission, **grant, StatementId="t", RevisionId="x")
            assert await error_of(stale) == (
                "PreconditionFailedException",
                412,
                "The Revision Id provided does not match the latest Revision Id. Call the "
                "GetLayerPolicy API to retrieve the latest Revision Id",
                USER,
            )
            again = await error_of(p.run(add_layer_version_permission, **grant, StatementId="s"))
            assert again[0] == "ResourceConflictException"
            removal = one | {"StatementId": "s", "RevisionId": added["RevisionId"]}
            assert await p.run(remove_layer_version_permission, **removal) == {}
            text = "No policy is associated with the given resource."
            assert await error_of(p.run(get_layer_version_policy, **one)) == (
                "ResourceNotFoundException", 404, text, USER,
            )  # fmt: skip

    asyncio.run(scenario())


def test_functions_hold_layers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path, code_retention_s=0.0) as p:
            upper = zip_of({"python/lib.py": "x = 2\n"})
            await publish(p)
            await publish(p, "m", upper)
            arns = [f"{LAYER}:1", LAYER.removesuffix("l") + "m:1"]
            answer = await p.run(create_function, **creation(Layers=arns))
            shown = [
                {"Arn": arns[0], "CodeSize": len(ZIP)},
                {"Arn": arns[1], "CodeSize": len(upper)},
            ]
            assert answer["Layers"] == shown
            await p.settle()
            lower_dir, upper_dir = latest(p).layer_dirs
            assert (lower_dir / "python/lib.py").read_text() == "x = 1\n"
            assert (upper_dir / "python/lib.py").read_text() == "x = 2\n"
            await p.run(delete_layer_version, LayerName="l", VersionNumber=1)
            await p.code.collect()
            assert lower_dir.exists()
            configuration = await p.run(get_function_configuration, FunctionName="f")
            assert configuration["Layers"] == shown
            await p.run(publish_version, FunctionName="f")
        async with plane(tmp_path, code_retention_s=0.0) as p:
            assert latest(p).layer_dirs == (lower_dir, upper_dir)
            await p.run(update_function_configuration, FunctionName="f", Layers=[])
            await p.settle()
            assert latest(p).layer_dirs == ()
            assert "Layers" not in await p.run(get_function_configuration, FunctionName="f")
            await p.run(delete_function, FunctionName="f")
            p.clock.advance(1)
            await p.code.collect()
            assert not lower_dir.exists()
            got = await p.run(get_layer_version, LayerName="m", VersionNumber=1)
            assert got["Version"] == 1
            assert p.blobs.path(hashlib.sha256(upper).hexdigest()).exists()

    asyncio.run(scenario())


FOREIGN = f"arn:aws:lambda:{REGION}:{STRANGER}:layer:l:1"
ABROAD = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l:1"
SAME = (
    "Two different versions of the same layer are not allowed to be referenced in the same "
    f"function. {LAYER}:1 and {LAYER}:%s are versions of the same layer."
)
HELD = [
    ([f"{LAYER}:{n}" for n in range(6)], "Cannot reference more than 5 layers."),
    ([f"{LAYER}:9"], f"Layer version {LAYER}:9 does not exist."),
    ([f"{LAYER}:1", f"{LAYER}:2"], SAME % "2"),
    ([f"{LAYER}:1", f"{LAYER}:1"], SAME % "1"),
    (
        [ABROAD],
        "Layers are not in the same region as the function. Layers are expected to be in region "
        f"{REGION}.",
    ),
]


@pytest.mark.parametrize(("layers", "message"), HELD)
def test_layers_that_a_function_may_not_have(
    tmp_path: Path, layers: list[str], message: str
) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            for _ in range(2):
                await publish(p)
            refusal = await error_of(p.run(create_function, **creation(Layers=layers)))
            assert refusal == ("InvalidParameterValueException", 400, message, USER)

    asyncio.run(scenario())


def test_code_and_layers_together_have_a_bound(tmp_path: Path) -> None:
    async def scenario() -> None:
        big = zip_of({"data": "x" * 600})
        async with plane(tmp_path, unzipped_bytes=1000) as p:
            await publish(p, archive=big)
            await p.run(create_function, **creation(Code={"ZipFile": big}))
            await p.settle()
            layers = {"FunctionName": "f", "Layers": [f"{LAYER}:1"]}
            assert await error_of(p.run(update_function_configuration, **layers)) == (
                "InvalidParameterValueException",
                400,
                "Function code combined with layers exceeds the maximum allowed size of 1000 "
                "bytes. The actual size is 1200 bytes.",
                USER,
            )

    asyncio.run(scenario())


def test_layers_of_others_have_to_be_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            other: Call = call(STRANGER)
            content = {"LayerName": "l", "Content": {"ZipFile": ZIP}}
            await publish_layer_version(p.service, other, content)
            refusal = (
                "AccessDeniedException",
                403,
                f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: "
                f"lambda:GetLayerVersion on resource: {FOREIGN} because no resource-based policy "
                "allows the lambda:GetLayerVersion action",
                {},
            )
            held = creation(Layers=[FOREIGN])
            assert await error_of(p.run(create_function, **held)) == refusal
            assert await error_of(p.run(get_layer_version_by_arn, Arn=FOREIGN)) == refusal
            grant = {
                "LayerName": "l",
                "VersionNumber": 1,
                "StatementId": "s",
                "Action": "lambda:GetLayerVersion",
                "Principal": ACCOUNT,
            }
            await add_layer_version_permission(p.service, other, grant)
            answer = await p.run(create_function, **held)
            assert answer["Layers"] == [{"Arn": FOREIGN, "CodeSize": len(ZIP)}]
            await p.settle()
            for operation in (publish_layer_version, delete_layer_version, list_layer_versions):
                params = content | {"LayerName": FOREIGN[:-2], "VersionNumber": 1}
                assert (await error_of(p.run(operation, **params)))[:2] == (
                    "AccessDeniedException", 403,
                )  # fmt: skip

    asyncio.run(scenario())


def test_another_region_is_out_of_reach(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            abroad = call(region="eu-west-1")
            content = {"LayerName": "l", "Content": {"ZipFile": ZIP}}
            await publish_layer_version(p.service, abroad, content)
            params = content | {"LayerName": ABROAD[:-2], "VersionNumber": 1}
            for operation in (
                publish_layer_version,
                delete_layer_version,
                get_layer_version,
                list_layer_versions,
                get_layer_version_policy,
            ):
                assert (await error_of(p.run(operation, **params)))[:2] == (
                    "ResourceNotFoundException", 404,
                )  # fmt: skip
            got = await get_layer_version(p.service, abroad, params)
            assert got["LayerVersionArn"] == ABROAD

    asyncio.run(scenario())
