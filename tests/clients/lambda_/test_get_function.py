"""GetFunction. Semantics §1.5, §1.3 and quirk 6; recorded."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    arn_of,
    body_of,
    configuration,
    fresh_name,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
    untyped,
)
from support.layers import LOCATION
from support.packages import zip_of

CODE = {"RepositoryType": "S3", "Location": LOCATION}


def test_everything_there_is(client: Any) -> None:
    """Tags and Concurrency are there only where they were set."""
    name = make(client)
    found = client.get_function(FunctionName=name)
    assert status_of(found) == 200
    assert body_of(found) == {"Configuration": configuration(name), "Code": CODE}
    with urllib.request.urlopen(found["Code"]["Location"]) as download:
        assert download.read() == zip_of()
    client.tag_resource(Resource=arn_of(name), Tags={"a": "b"})
    reserved = {"ReservedConcurrentExecutions": 1}
    client.put_function_concurrency(FunctionName=name, **reserved)
    assert body_of(client.get_function(FunctionName=name)) == {
        "Configuration": configuration(name),
        "Code": CODE,
        "Tags": {"a": "b"},
        "Concurrency": reserved,
    }


def test_by_every_qualifier(client: Any) -> None:
    """By an alias the ARN is the alias's and the version its target's."""
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier, version in (("$LATEST", "$LATEST"), ("1", "1"), ("live", "1")):
        expected = {
            "Configuration": configuration(
                name, Version=version, FunctionArn=arn_of(name, qualifier)
            ),
            "Code": CODE,
        }
        for params in (
            {"FunctionName": name, "Qualifier": qualifier},
            {"FunctionName": f"{name}:{qualifier}"},
            {"FunctionName": arn_of(name, qualifier), "Qualifier": qualifier},
        ):
            assert body_of(client.get_function(**params)) == expected


@pytest.mark.parametrize("form", ["{name}", "{account}:function:{name}", "function:{name}"])
def test_by_every_form_of_a_name(client: Any, form: str) -> None:
    name = make(client)
    found = client.get_function(FunctionName=form.format(name=name, account=ACCOUNT))
    assert body_of(found) == {"Configuration": configuration(name), "Code": CODE}


def test_what_is_not_there(client: Any) -> None:
    name, gone = make(client), fresh_name()
    for given, qualifier, arn in (
        (gone, None, arn_of(gone)),
        (name, "7", arn_of(name, "7")),
        (name, "nobody", arn_of(name, "nobody")),
        (name, "$latest", arn_of(name, "$latest")),
        (f"{name}:nobody", None, arn_of(name, "nobody")),
    ):
        params = {"FunctionName": given} | ({"Qualifier": qualifier} if qualifier else {})
        error = refused(client.get_function, **params)
        assert error == not_found(f"Function not found: {arn}")
    assert refused(client.get_function, FunctionName=ABROAD) == unreachable()


def test_one_qualifier_at_most(client: Any) -> None:
    params = {"FunctionName": arn_of(fresh_name(), "1"), "Qualifier": "$LATEST"}
    assert refused(client.get_function, **params) == mismatch()


def test_another_account_has_to_open_it(client: Any) -> None:
    """IAM user guide, "Cross-account policy evaluation logic"."""
    other = "arn:aws:lambda:us-east-1:123456789012:function:f"
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetFunction on "
        f"resource: {other} because no resource-based policy allows the lambda:GetFunction action"
    )
    error = refused(client.get_function, FunctionName=other)
    assert error == untyped("AccessDeniedException", 403, text)
