"""AddLayerVersionPermission. Semantics §1.7; recorded unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    REVISION,
    conflict,
    invalid,
    not_found,
    refused,
    stale,
    status_of,
    user_error,
    validation,
)
from support.layers import fresh_layer, layer_arn, make_layer
from support.policies import decoded, layer_grant, layer_statement


@pytest.fixture
def name(client: Any) -> str:
    name = fresh_layer()
    make_layer(client, name)
    return name


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({}, {}),
        ({"Principal": "111111111111"}, {"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}),
        (
            {"Principal": "arn:aws:iam::111111111111:root"},
            {"Principal": {"AWS": "arn:aws:iam::111111111111:root"}},
        ),
        (
            {"OrganizationId": "o-1234567890"},
            {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}},
        ),
    ],
)
def test_a_statement(
    client: Any, name: str, given: dict[str, str], written: dict[str, Any]
) -> None:
    added = client.add_layer_version_permission(**layer_grant(name, **given))
    assert status_of(added) == 201
    statement = layer_statement(name, **written)
    assert decoded(added) == {"Statement": statement, "RevisionId": REVISION}
    policy = client.get_layer_version_policy(LayerName=name, VersionNumber=1)
    assert decoded(policy)["Policy"]["Statement"] == [statement]
    assert policy["RevisionId"] == added["RevisionId"]


def test_the_revision_it_goes_on_from(client: Any, name: str) -> None:
    first = client.add_layer_version_permission(**layer_grant(name))
    other = layer_grant(name, StatementId="t")
    error = refused(client.add_layer_version_permission, **other, RevisionId="wrong")
    assert error == stale("GetLayerPolicy")
    second = client.add_layer_version_permission(**other, RevisionId=first["RevisionId"])
    assert second["RevisionId"] != first["RevisionId"]


def test_refusals(client: Any, name: str) -> None:
    add = client.add_layer_version_permission
    add(**layer_grant(name))
    assert refused(add, **layer_grant(name)) == conflict(
        "The statement id (s) provided already exists. Please provide a new statement id, or "
        "remove the existing statement."
    )
    assert refused(add, **layer_grant(name, VersionNumber=0)) == invalid(
        "Layer Version Cannot be less than 1"
    )
    for given, number in ((name, 7), (fresh_layer(), 1)):
        assert refused(add, **layer_grant(given, VersionNumber=number)) == not_found(
            f"Layer version {layer_arn(given, number)} does not exist."
        )
    error = refused(add, **layer_grant(name, Action="lambda:InvokeFunction"))
    assert error == validation(
        "Value 'lambda:InvokeFunction' at 'action' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: lambda:GetLayerVersion"
    )


def test_a_policy_has_a_bound(tight_client: Any) -> None:
    """20 KB on AWS, less here (semantics §1.4)."""
    name = fresh_layer()
    make_layer(tight_client, name)
    add = tight_client.add_layer_version_permission
    for number in range(4):
        add(**layer_grant(name, StatementId=f"{number}" * 80))
    error = refused(add, **layer_grant(name, StatementId="4" * 80))
    size = int(error["message"].partition("(")[2].partition(")")[0])
    assert size > 1024
    assert error == user_error(
        "PolicyLengthExceededException",
        400,
        f"The final policy size ({size}) is bigger than the limit (1024).",
    )
