"""Versions and aliases by boto3 and the AWS CLI, weighted routing included."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from support.lambda_client import (
    LISTED,
    REVISION,
    arn_of,
    body_of,
    configuration,
    conflict,
    creation,
    fresh_name,
    invalid,
    lambda_of,
    make,
    make_code,
    not_found,
    payload_of,
    refused,
    settled,
    sha256_of,
    status_of,
    untyped,
    user_error,
    validation,
)
from support.packages import zip_of
from support.server import LambdadServer

VERSION = "import os\n\ndef handler(event, context):\n    return context.function_version\n"
STALE = user_error(
    "PreconditionFailedException",
    412,
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias "
    "API to retrieve the latest Revision Id",
)


def alias(name: str, alias_name: str, version: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "AliasArn": arn_of(name, alias_name),
        "Name": alias_name,
        "FunctionVersion": version,
        "Description": "",
        "RevisionId": REVISION,
    } | changes


def weights(**shares: float) -> dict[str, Any]:
    named = {version.lstrip("v"): share for version, share in shares.items()}
    return {"RoutingConfig": {"AdditionalVersionWeights": named}}


@pytest.fixture(scope="module")
def two(server: LambdadServer) -> str:
    """A function with versions 1 and 2."""
    client = lambda_of(server)
    name = make_code(client, VERSION, Publish=True)
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    client.publish_version(FunctionName=name)
    return name


def test_publishing(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    before = settled(client, name)
    answer = client.publish_version(FunctionName=name, Description="one")
    assert status_of(answer) == 201
    one = {"Version": "1", "FunctionArn": arn_of(name, "1"), "Description": "one"}
    assert body_of(answer) == configuration(name, **one)
    after = settled(client, name)
    assert after == configuration(name)
    assert after["RevisionId"] != before["RevisionId"]
    again = client.publish_version(FunctionName=name, Description="unchanged all the same")
    assert (status_of(again), body_of(again)) == (201, body_of(answer))
    sha = sha256_of(zip_of())
    error = refused(client.publish_version, FunctionName=name, CodeSha256="wrong")
    assert error == invalid(
        f"CodeSHA256 (wrong) is different from current CodeSHA256 in $LATEST ({sha}). Please try "
        "again with the CodeSHA256 in $LATEST."
    )
    assert refused(client.publish_version, FunctionName=name, RevisionId="wrong") == STALE
    gone = fresh_name()
    error = refused(client.publish_version, FunctionName=gone)
    assert error == not_found(f"Function not found: {arn_of(gone)}")


def test_a_list_of_versions(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Publish=True)
    expected = [
        configuration(name, Version=version, FunctionArn=arn_of(name, version), **LISTED)
        for version in ("$LATEST", "1")
    ]
    assert body_of(client.list_versions_by_function(FunctionName=name)) == {"Versions": expected}
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1}
    )
    assert [page["Versions"] for page in pages] == [[version] for version in expected]


def test_an_alias_lives(server: LambdadServer, two: str) -> None:
    client = lambda_of(server)
    made = client.create_alias(
        FunctionName=two, Name="a1", FunctionVersion="1", Description="d", **weights(v2=0.25)
    )
    assert status_of(made) == 201
    assert body_of(made) == alias(two, "a1", Description="d", **weights(v2=0.25))
    assert body_of(client.get_alias(FunctionName=two, Name="a1")) == body_of(made)
    function = client.get_function(FunctionName=two, Qualifier="a1")["Configuration"]
    assert (function["Version"], function["FunctionArn"]) == ("1", arn_of(two, "a1"))
    cleared = client.update_alias(
        FunctionName=two, Name="a1", RevisionId=made["RevisionId"], RoutingConfig={}
    )
    assert body_of(cleared) == alias(two, "a1", Description="d")
    moved = client.update_alias(FunctionName=two, Name="a1", FunctionVersion="2", Description="")
    assert body_of(moved) == alias(two, "a1", "2")
    stale = refused(client.update_alias, FunctionName=two, Name="a1", RevisionId="wrong")
    assert stale == STALE
    for _ in range(2):
        answer = client.delete_alias(FunctionName=two, Name="a1")
        assert (status_of(answer), body_of(answer)) == (204, {})
    assert refused(client.get_alias, FunctionName=two, Name="a1") == not_found(
        f"Cannot find alias arn: {arn_of(two, 'a1')}"
    )
    assert refused(client.update_alias, FunctionName=two, Name="a1") == not_found(
        f"Alias not found: {arn_of(two, 'a1')}"
    )


CREATION_ERRORS: list[tuple[dict[str, Any], Any]] = [
    (
        {"FunctionVersion": "1", **weights(v1=0.8, v2=0.2)},
        lambda name: invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        ),
    ),
    (
        {"FunctionVersion": "1", **weights(v1=0.5)},
        lambda name: invalid(
            "Invalid function version 1. Function version 1 is already included in routing "
            "configuration."
        ),
    ),
    (
        {"FunctionVersion": "$LATEST", **weights(v1=0.5)},
        lambda name: (
            untyped(
                "InvalidParameterValueException",
                400,
                "$LATEST is not supported for an alias pointing to more than 1 version",
            )
            | {"message": "$LATEST is not supported for an alias pointing to more than 1 version"}
        ),
    ),
    (
        {"FunctionVersion": "10"},
        lambda name: not_found(f"Function not found: {arn_of(name, '10')}"),
    ),
    (
        {"FunctionVersion": "1", **weights(v10=0.5)},
        lambda name: not_found(f"Function not found: {arn_of(name, '10')}"),
    ),
    (
        {"FunctionVersion": "1", **weights(v2=2)},
        lambda name: validation(
            "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
            "constraint: Map value must satisfy constraint: [Member must have value less than or "
            "equal to 1.0, Member must have value greater than or equal to 0.0, Member must not "
            "be null]"
        ),
    ),
]


@pytest.mark.parametrize(("params", "error"), CREATION_ERRORS)
def test_alias_errors(server: LambdadServer, two: str, params: dict[str, Any], error: Any) -> None:
    client = lambda_of(server)
    found = refused(client.create_alias, FunctionName=two, Name="bad", **params)
    assert found == error(two)


def test_an_alias_is_made_once_and_of_something(server: LambdadServer, two: str) -> None:
    client = lambda_of(server)
    client.create_alias(FunctionName=two, Name="once", FunctionVersion="$LATEST")
    error = refused(client.create_alias, FunctionName=two, Name="once", FunctionVersion="1")
    assert error == conflict(f"Alias already exists: {arn_of(two, 'once')}")
    gone = fresh_name()
    error = refused(client.create_alias, FunctionName=gone, Name="x", FunctionVersion="1")
    assert error == not_found(f"Function not found: {arn_of(gone, '1')}")


def test_lists_of_aliases(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Publish=True)
    for alias_name, version in (("c", "1"), ("a", "1"), ("b", "$LATEST")):
        client.create_alias(FunctionName=name, Name=alias_name, FunctionVersion=version)
    whole = [alias(name, "a"), alias(name, "b", "$LATEST"), alias(name, "c")]
    assert body_of(client.list_aliases(FunctionName=name)) == {"Aliases": whole}
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    assert [page["Aliases"] for page in pages] == [whole[:2], whole[2:]]
    some = client.list_aliases(FunctionName=name, FunctionVersion="1")
    assert body_of(some) == {"Aliases": [whole[0], whole[2]]}


def test_every_qualifier_runs_its_version(server: LambdadServer, two: str) -> None:
    client = lambda_of(server)
    client.create_alias(FunctionName=two, Name="second", FunctionVersion="2")
    for name, qualifier, version in (
        (two, None, "$LATEST"),
        (two, "$LATEST", "$LATEST"),
        (two, "1", "1"),
        (f"{two}:2", None, "2"),
        (arn_of(two, "second"), None, "2"),
    ):
        params = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        answer = client.invoke(**params)
        assert (answer["ExecutedVersion"], payload_of(answer)) == (version, version)


def test_weights_really_route(server: LambdadServer, two: str) -> None:
    client = lambda_of(server)
    client.create_alias(FunctionName=two, Name="split", FunctionVersion="1", **weights(v2=0.5))
    ran = Counter(client.invoke(FunctionName=f"{two}:split")["ExecutedVersion"] for _ in range(60))
    assert set(ran) == {"1", "2"}  # by chance alone one in 10^18 runs fails


def test_with_the_aws_cli(server: LambdadServer) -> None:
    name = fresh_name()
    lambda_of(server).create_function(**creation(name))
    settled(lambda_of(server), name)
    words = ["--function-name", name]
    answer = server.aws("lambda", "publish-version", *words, "--description", "one")
    assert answer == configuration(
        name, Version="1", FunctionArn=arn_of(name, "1"), Description="one"
    )
    made = server.aws("lambda", "create-alias", *words, "--name", "live", "--function-version", "1")
    assert made == alias(name, "live")
    assert server.aws("lambda", "list-aliases", *words) == {"Aliases": [made]}
