"""CreateAlias. Semantics §1.6; recorded unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    alias_of,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    settled,
    status_of,
    unqualified_only,
    unreachable,
    untyped,
    user_error,
    validation,
    weights,
)
from support.server import LambdadServer


@pytest.fixture(scope="module")
def two(client: Any) -> str:
    """A function with versions 1 and 2."""
    name = make(client, Publish=True)
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    client.publish_version(FunctionName=name)
    return name


def test_an_alias(client: Any, two: str) -> None:
    made = client.create_alias(FunctionName=two, Name="plain", FunctionVersion="1")
    assert (status_of(made), body_of(made)) == (201, alias_of(two, "plain"))
    made = client.create_alias(
        FunctionName=two, Name="a1", FunctionVersion="1", Description="d", **weights(v2=0.25)
    )
    assert status_of(made) == 201
    assert body_of(made) == alias_of(two, "a1", Description="d", **weights(v2=0.25))
    function = client.get_function(FunctionName=two, Qualifier="a1")["Configuration"]
    assert (function["Version"], function["FunctionArn"]) == ("1", arn_of(two, "a1"))


ERRORS: list[tuple[dict[str, Any], Any]] = [
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
    (
        {"FunctionVersion": "1", "Name": "1"},
        lambda name: validation(
            "Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
        ),
    ),
]


@pytest.mark.parametrize(("params", "error"), ERRORS)
def test_refusals(client: Any, two: str, params: dict[str, Any], error: Any) -> None:
    found = refused(client.create_alias, **{"FunctionName": two, "Name": "bad"} | params)
    assert found == error(two)


def test_an_alias_is_made_once_and_of_something(client: Any, two: str) -> None:
    """A missing function is told by the version's ARN."""
    client.create_alias(FunctionName=two, Name="once", FunctionVersion="$LATEST")
    error = refused(client.create_alias, FunctionName=two, Name="once", FunctionVersion="1")
    assert error == conflict(f"Alias already exists: {arn_of(two, 'once')}")
    gone, alias = fresh_name(), {"Name": "x", "FunctionVersion": "1"}
    error = refused(client.create_alias, FunctionName=gone, **alias)
    assert error == not_found(f"Function not found: {arn_of(gone, '1')}")
    error = refused(client.create_alias, FunctionName=f"{two}:1", **alias)
    assert error == unqualified_only()
    assert refused(client.create_alias, FunctionName=ABROAD, **alias) == unreachable()


def test_as_many_as_there_may_be(tight_client: Any) -> None:
    """The service model has the error; how many is ours, and so is the text."""
    name = make(tight_client)
    for alias in ("a", "b"):
        tight_client.create_alias(FunctionName=name, Name=alias, FunctionVersion="$LATEST")
    third = {"FunctionName": name, "Name": "c", "FunctionVersion": "$LATEST"}
    assert refused(tight_client.create_alias, **third) == user_error(
        "AliasLimitExceededException",
        400,
        f"{arn_of(name)} has 2 aliases, the most that this server takes.",
    )
    tight_client.delete_function(FunctionName=name)


def test_with_the_aws_cli(server: LambdadServer, two: str) -> None:
    words = ["--function-name", two, "--name", "cli", "--function-version", "1"]
    assert server.aws("lambda", "create-alias", *words) == alias_of(two, "cli")
