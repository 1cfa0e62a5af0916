"""AddPermission. Semantics §1.8, quirk 20; recorded unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

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
    stale,
    status_of,
    unreachable,
    user_error,
    validation,
)
from support.policies import decoded, grant, policy_of, statement
from support.server import LambdadServer


@pytest.fixture(scope="module")
def one(client: Any) -> str:
    """A function with version 1 and the alias `live`."""
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


def test_a_statement(client: Any) -> None:
    name = make(client)
    answer = client.add_permission(**grant(name, SourceArn="arn:aws:s3:::b"))
    assert status_of(answer) == 201
    condition = {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}
    written = statement(arn_of(name), Condition=condition)
    assert decoded(answer) == {"Statement": written}
    policy = client.get_policy(FunctionName=name)
    assert decoded(policy) == policy_of(name, written)
    client.add_permission(**grant(name, "t", RevisionId=policy["RevisionId"]))
    both = policy_of(name, written, statement(arn_of(name), "t"))
    assert decoded(client.get_policy(FunctionName=name)) == both


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("*", "*"),
        ("111111111111", {"AWS": "arn:aws:iam::111111111111:root"}),
        ("arn:aws:iam::111111111111:role/r", {"AWS": "arn:aws:iam::111111111111:role/r"}),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
    ],
)
def test_principals(client: Any, one: str, given: str, written: object) -> None:
    sid = fresh_name()
    answer = client.add_permission(**grant(one, sid, Principal=given))
    assert decoded(answer) == {"Statement": statement(arn_of(one), sid, Principal=written)}


def test_conditions(client: Any, one: str) -> None:
    answer = client.add_permission(
        **grant(
            one,
            "conditions",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            SourceArn="arn:aws:s3:::b",
            SourceAccount=ACCOUNT,
            PrincipalOrgID="o-1234567890",
            EventSourceToken="t",
            FunctionUrlAuthType="NONE",
            InvokedViaFunctionUrl=True,
        )
    )
    condition = {
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        "StringEquals": {
            "AWS:SourceAccount": ACCOUNT,
            "aws:PrincipalOrgID": "o-1234567890",
            "lambda:EventSourceToken": "t",
            "lambda:FunctionUrlAuthType": "NONE",
        },
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
    }
    changes = {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "Condition": condition}
    assert decoded(answer) == {"Statement": statement(arn_of(one), "conditions", **changes)}


def test_each_qualifier_has_its_own(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for qualifier in ("live", "1"):
        answer = client.add_permission(**grant(name, Qualifier=qualifier))
        written = statement(arn_of(name, qualifier))
        assert decoded(answer) == {"Statement": written}
        found = client.get_policy(FunctionName=name, Qualifier=qualifier)
        assert decoded(found) == policy_of(name, written)


ERRORS: list[tuple[dict[str, Any], Any]] = [
    (
        {"StatementId": "a.b"},
        lambda name: validation(
            "Value 'a.b' at 'statementId' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: ([a-zA-Z0-9-_]+)"
        ),
    ),
    (
        {"Qualifier": "$LATEST"},
        lambda name: invalid("We currently do not support adding policies for $LATEST."),
    ),
    (
        {"Principal": "nobody"},
        lambda name: invalid(
            "The provided principal was invalid. Please check the principal and try again."
        ),
    ),
    (
        {"FunctionUrlAuthType": "NONE"},
        lambda name: invalid(
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
        ),
    ),
    (
        {"FunctionName": "nobody"},
        lambda name: not_found(f"Function not found: {arn_of('nobody')}"),
    ),
    (
        {"Qualifier": "none"},
        lambda name: not_found(f"Cannot find alias arn: {arn_of(name, 'none')}"),
    ),
    ({"Qualifier": "42"}, lambda name: not_found(f"Function not found: {arn_of(name, '42')}")),
    (
        {"Qualifier": "no$alias"},
        lambda name: not_found(f"Function not found: {arn_of(name, 'no$alias')}"),
    ),
    ({"FunctionName": "f:1", "Qualifier": "2"}, lambda name: mismatch()),
    ({"FunctionName": ABROAD}, lambda name: unreachable()),
    ({"RevisionId": "wrong"}, lambda name: stale("GetPolicy")),
]


@pytest.mark.parametrize(("changes", "error"), ERRORS)
def test_refusals(client: Any, one: str, changes: dict[str, Any], error: Any) -> None:
    params = grant(one, "never") | changes
    assert refused(client.add_permission, **params) == error(one)


def test_a_statement_id_is_taken_once(client: Any, one: str) -> None:
    client.add_permission(**grant(one, "once"))
    assert refused(client.add_permission, **grant(one, "once")) == conflict(
        "The statement id (once) provided already exists. Please provide a new statement id, or "
        "remove the existing statement."
    )


def test_a_policy_has_a_bound(tight_client: Any) -> None:
    """20 KB on AWS, less here (semantics §1.4)."""
    name = make(tight_client)
    long = grant(name, SourceArn="arn:aws:s3:::" + "b" * 900)
    error = refused(tight_client.add_permission, **long)
    size = int(error["message"].partition("(")[2].partition(")")[0])
    assert size > 1024
    assert error == user_error(
        "PolicyLengthExceededException",
        400,
        f"The final policy size ({size}) is bigger than the limit (1024).",
    )


def test_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    name = make(client)
    answer = server.aws(
        "lambda", "add-permission", "--function-name", name, "--statement-id", "s",
        "--action", "lambda:InvokeFunction", "--principal", "s3.amazonaws.com",
    )  # fmt: skip
    assert decoded(answer) == {"Statement": statement(arn_of(name))}
    found = server.aws("lambda", "get-policy", "--function-name", name)
    assert found == body_of(client.get_policy(FunctionName=name))
