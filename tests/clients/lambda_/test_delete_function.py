"""DeleteFunction. Semantics §1.5 and quirk 4; recorded, the refusal of a version that an alias
points to as the API reference has it."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
    untyped,
)


def test_the_whole_function(client: Any) -> None:
    name = make(client, Publish=True)
    answer = client.delete_function(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (204, {"StatusCode": 204})
    for params in ({"FunctionName": name}, {"FunctionName": name, "Qualifier": "1"}):
        error = refused(client.delete_function, **params)
        assert error == not_found(f"Function not found: {arn_of(name)}")
    error = refused(client.get_function, FunctionName=name)
    assert error == not_found(f"Function not found: {arn_of(name)}")


def test_one_version(client: Any) -> None:
    """One that is not there is no error."""
    name = make(client, Publish=True)
    for qualifier in ("12", "1", "1"):
        answer = client.delete_function(FunctionName=name, Qualifier=qualifier)
        assert (status_of(answer), body_of(answer)) == (204, {"StatusCode": 204})
    listed = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST"]


def test_a_version_that_an_alias_points_to(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert refused(client.delete_function, FunctionName=name, Qualifier="1") == conflict(
        "Unable to delete version because the following aliases reference it: [live]"
    )
    client.delete_alias(FunctionName=name, Name="live")
    assert status_of(client.delete_function(FunctionName=name, Qualifier="1")) == 204


def test_refusals(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    delete = client.delete_function
    assert refused(delete, FunctionName=name, Qualifier="$LATEST") == invalid(
        "$LATEST version cannot be deleted without deleting the function."
    )
    assert refused(delete, FunctionName=name, Qualifier="live") == invalid(
        "Deletion of aliases is not currently supported."
    )
    assert refused(delete, FunctionName=f"{name}:1", Qualifier="2") == mismatch()
    assert refused(delete, FunctionName=ABROAD) == unreachable()
    gone = fresh_name()
    assert refused(delete, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")


def test_another_account_has_to_open_it(client: Any) -> None:
    """IAM user guide, "Cross-account policy evaluation logic"."""
    other = "arn:aws:lambda:us-east-1:123456789012:function:f"
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:DeleteFunction on "
        f"resource: {other} because no resource-based policy allows the lambda:DeleteFunction "
        "action"
    )
    error = refused(client.delete_function, FunctionName=other)
    assert error == untyped("AccessDeniedException", 403, text)
