"""Aliases, tags and account settings: whole answers (semantics §1.6, §1.14)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from lambdad.services.lambda_.account import get_account_settings
from lambdad.services.lambda_.aliases import (
    create_alias,
    delete_alias,
    get_alias,
    list_aliases,
    update_alias,
)
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.functions import create_function, delete_function, get_function
from lambdad.services.lambda_.tags import list_tags, tag_resource, untag_resource
from lambdad.services.lambda_.versions import publish_version
from support.control_plane import ACCOUNT, REGION, Plane, creation, error_of, plane
from support.packages import zip_of

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
USER = {"Type": "User"}


def alias(name: str, version: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "AliasArn": f"{ARN}:{name}",
        "Name": name,
        "FunctionVersion": version,
        "Description": "",
        "RevisionId": ANY,
    } | changes


def routing(**weights: float) -> dict[str, Any]:
    named = {version.lstrip("v"): weight for version, weight in weights.items()}
    return {"RoutingConfig": {"AdditionalVersionWeights": named}}


@asynccontextmanager
async def two_versions(folder: Path, **limits: int) -> AsyncIterator[Plane]:
    """A function with versions 1 and 2."""
    async with plane(folder, **limits) as p:
        await p.run(create_function, **creation(Publish=True))
        await p.settle()
        await p.run(update_function_configuration, FunctionName="f", Timeout=9)
        await p.settle()
        await p.run(publish_version, FunctionName="f")
        yield p


def test_an_alias_lives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            made = await p.run(
                create_alias,
                FunctionName="f",
                Name="live",
                FunctionVersion="1",
                Description="d",
                **routing(v2=0.2),
            )
            assert made == alias("live", Description="d", **routing(v2=0.2))
            name = {"FunctionName": "f", "Name": "live"}
            assert await p.run(get_alias, **name) == made
            same = await p.run(update_alias, **name)
            assert same == made | {"RevisionId": ANY}
            assert same["RevisionId"] != made["RevisionId"]
            cleared = await p.run(
                update_alias, **name, RoutingConfig={}, RevisionId=same["RevisionId"]
            )
            assert cleared == alias("live", Description="d")
            moved = await p.run(update_alias, **name, FunctionVersion="2", Description="")
            assert moved == alias("live", "2")
            function = p.catalog.get(ACCOUNT, REGION, "f")
            assert function is not None
            assert function.aliases["live"].version == "2"
            assert await p.run(delete_alias, **name) == {}
            assert await p.run(delete_alias, **name) == {}
            assert await p.run(list_aliases, FunctionName="f") == {"Aliases": []}

    asyncio.run(scenario())


def test_lists_of_aliases(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            for name, version in (("c", "1"), ("a", "1"), ("b", "2")):
                await p.run(create_alias, FunctionName="f", Name=name, FunctionVersion=version)
            whole = await p.run(list_aliases, FunctionName="f")
            assert whole == {"Aliases": [alias("a"), alias("b", "2"), alias("c")]}
            some = await p.run(list_aliases, FunctionName="f", FunctionVersion="2")
            assert some == {"Aliases": [alias("b", "2")]}
            page = await p.run(list_aliases, FunctionName="f", MaxItems=2)
            rest = await p.run(list_aliases, FunctionName="f", Marker=page["NextMarker"])
            assert page["Aliases"] + rest["Aliases"] == whole["Aliases"]

    asyncio.run(scenario())


ALIAS_ERRORS: list[tuple[dict[str, Any], str, int, str, dict[str, str]]] = [
    (
        {"FunctionVersion": "1", **routing(v1=0.8, v2=0.2)},
        "InvalidParameterValueException",
        400,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
        USER,
    ),
    (
        {"FunctionVersion": "1", **routing(v1=0.5)},
        "InvalidParameterValueException",
        400,
        "Invalid function version 1. Function version 1 is already included in routing "
        "configuration.",
        USER,
    ),
    (
        {"FunctionVersion": "$LATEST", **routing(v1=0.5)},
        "InvalidParameterValueException",
        400,
        "$LATEST is not supported for an alias pointing to more than 1 version",
        {},
    ),
    (
        {"FunctionVersion": "10", **routing(v2=0.5)},
        "ResourceNotFoundException",
        404,
        f"Function not found: {ARN}:10",
        USER,
    ),
    (
        {"FunctionVersion": "1", **routing(v10=0.5)},
        "ResourceNotFoundException",
        404,
        f"Function not found: {ARN}:10",
        USER,
    ),
    (
        {"FunctionName": "no", "FunctionVersion": "1"},
        "ResourceNotFoundException",
        404,
        f"Function not found: {ARN[:-1]}no:1",
        USER,
    ),
    (
        {"Name": "taken", "FunctionVersion": "1"},
        "ResourceConflictException",
        409,
        f"Alias already exists: {ARN}:taken",
        USER,
    ),
]


@pytest.mark.parametrize(("params", "code", "status", "message", "members"), ALIAS_ERRORS)
def test_create_alias_errors(
    tmp_path: Path,
    params: dict[str, Any],
    code: str,
    status: int,
    message: str,
    members: dict[str, str],
) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            await p.run(create_alias, FunctionName="f", Name="taken", FunctionVersion="$LATEST")
            given = {"FunctionName": "f", "Name": "new"} | params
            found = await error_of(p.run(create_alias, **given))
            assert found == (code, status, message, members)

    asyncio.run(scenario())


def test_other_alias_errors(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path, aliases_per_function=1) as p:
            name = {"FunctionName": "f", "Name": "a"}
            await p.run(create_alias, **name, FunctionVersion="1", **routing(v2=0.5))
            full = await error_of(
                p.run(create_alias, FunctionName="f", Name="b", FunctionVersion="1")
            )
            assert full[0] == "AliasLimitExceededException"
            no = {"FunctionName": "f", "Name": "no"}
            assert (await error_of(p.run(get_alias, **no)))[:3] == (
                "ResourceNotFoundException", 404, f"Cannot find alias arn: {ARN}:no",
            )  # fmt: skip
            assert (await error_of(p.run(update_alias, **no)))[:3] == (
                "ResourceNotFoundException", 404, f"Alias not found: {ARN}:no",
            )  # fmt: skip
            wrong = await error_of(p.run(update_alias, **name, RevisionId="wrong"))
            assert wrong[:2] == ("PreconditionFailedException", 412)
            both = await error_of(p.run(update_alias, **name, FunctionVersion="2"))
            assert both[2] == (
                "Invalid function version 2. Function version 2 is already included in routing "
                "configuration."
            )
            for operation in (get_alias, update_alias, delete_alias, list_aliases):
                found = await error_of(p.run(operation, FunctionName="gone", Name="a"))
                assert found[:3] == (
                    "ResourceNotFoundException", 404, f"Function not found: {ARN[:-1]}gone",
                )  # fmt: skip

    asyncio.run(scenario())


def test_tags(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            revisions = set()

            async def revision() -> None:
                answer = await p.run(get_function_configuration, FunctionName="f")
                revisions.add(answer["RevisionId"])

            await revision()
            assert await p.run(list_tags, Resource=ARN) == {"Tags": {}}
            assert await p.run(tag_resource, Resource=ARN, Tags={"a": "1", "b": "2"}) == {}
            await revision()
            await p.run(tag_resource, Resource=ARN, Tags={"b": "3", "c": "4"})
            await revision()
            tags = {"a": "1", "b": "3", "c": "4"}
            assert await p.run(list_tags, Resource=ARN) == {"Tags": tags}
            assert (await p.run(get_function, FunctionName="f"))["Tags"] == tags
            keys = ["a", "b", "c", "d"]
            assert await p.run(untag_resource, Resource=ARN, TagKeys=keys) == {}
            await revision()
            assert await p.run(list_tags, Resource=ARN) == {"Tags": {}}
            assert "Tags" not in await p.run(get_function, FunctionName="f")
            assert len(revisions) == 4  # tags are part of the revision

    asyncio.run(scenario())


MAPPING = (
    f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:65d8c598-0000-4000-8000-000000000000"
)
TAG_ERRORS: list[tuple[str, str, int, str | None]] = [
    (f"{ARN[:-1]}no", "ResourceNotFoundException", 404, f"Function not found: {ARN[:-1]}no"),
    (
        f"{ARN[:-1]}no:alias",
        "InvalidParameterValueException",
        400,
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    ),
    (
        f"{ARN}:$LATEST",
        "InvalidParameterValueException",
        400,
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    ),
    (MAPPING, "ResourceNotFoundException", 404, f"Event source mapping not found: {MAPPING}"),
    (
        ARN.replace(REGION, "eu-west-1"),
        "ResourceNotFoundException",
        404,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    ),
    (ARN.replace(ACCOUNT, "9" * 12), "AccessDeniedException", 403, None),
]


@pytest.mark.parametrize(("resource", "code", "status", "message"), TAG_ERRORS)
def test_tag_errors(
    tmp_path: Path, resource: str, code: str, status: int, message: str | None
) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            for operation in (list_tags, tag_resource, untag_resource):
                params = {"Resource": resource, "Tags": {"a": "b"}, "TagKeys": ["a"]}
                found = await error_of(p.run(operation, **params))
                assert found[:3] == (code, status, message)

    asyncio.run(scenario())


def test_too_many_tags_and_none(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_versions(tmp_path) as p:
            await p.run(tag_resource, Resource=ARN, Tags={f"k{n}": "" for n in range(50)})
            await p.run(tag_resource, Resource=ARN, Tags={"k1": "again"})
            found = await error_of(p.run(tag_resource, Resource=ARN, Tags={"one": "more"}))
            assert found == (
                "InvalidParameterValueException",
                400,
                "Number of tags exceeds resource tag limit.",
                USER,
            )
            found = await error_of(p.run(tag_resource, Resource=ARN, Tags={}))
            assert found[2] == "An error occurred and the request cannot be processed."

    asyncio.run(scenario())


def test_account_settings_count_every_copy(tmp_path: Path) -> None:
    """Semantics §1.5, "Size accounting"."""

    async def used(p: Plane) -> tuple[int, int]:
        usage = (await p.run(get_account_settings))["AccountUsage"]
        return usage["FunctionCount"], usage["TotalCodeSize"]

    async def scenario() -> None:
        async with plane(tmp_path) as p:
            assert await p.run(get_account_settings) == {
                "AccountLimit": {
                    "TotalCodeSize": 322_122_547_200,
                    "CodeSizeUnzipped": 262_144_000,
                    "CodeSizeZipped": 52_428_800,
                    "ConcurrentExecutions": 1000,
                    "UnreservedConcurrentExecutions": 1000,
                },
                "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
            }
            size = len(zip_of())
            await p.run(create_function, **creation())
            await p.settle()
            assert await used(p) == (1, size)
            await p.run(update_function_configuration, FunctionName="f", Timeout=9)
            await p.settle()
            assert await used(p) == (1, size)  # a change of configuration is free
            await p.run(publish_version, FunctionName="f")
            await p.run(publish_version, FunctionName="f")
            assert await used(p) == (1, 2 * size)  # a version is a full copy
            await p.run(delete_function, FunctionName="f:1")
            assert await used(p) == (1, size)
            await p.run(delete_function, FunctionName="f")
            assert await used(p) == (0, 0)

    asyncio.run(scenario())
