"""DeleteResourcePolicy. API reference; the texts are those of semantics §1.8."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    GONE,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    stale,
    status_of,
    unreachable,
)
from support.policies import OTHER_REVISION, grant


def test_the_whole_policy_is_gone(client: Any) -> None:
    name = make(client)
    for sid in ("s", "t"):
        client.add_permission(**grant(name, sid))
    at = {"ResourceArn": arn_of(name)}
    assert refused(client.delete_resource_policy, **at, RevisionId=OTHER_REVISION) == stale(
        "GetPolicy"
    )
    revision = client.get_policy(FunctionName=name)["RevisionId"]
    deleted = client.delete_resource_policy(**at, RevisionId=revision)
    assert (status_of(deleted), body_of(deleted)) == (204, {})
    for call in (client.get_resource_policy, client.delete_resource_policy):
        assert refused(call, **at) == not_found(GONE)
    assert refused(client.get_policy, FunctionName=name) == not_found(GONE)


def test_refusals(client: Any) -> None:
    delete = client.delete_resource_policy
    assert refused(delete, ResourceArn=arn_of(fresh_name())) == not_found(GONE)
    assert refused(delete, ResourceArn=ABROAD) == unreachable()
    assert refused(delete, ResourceArn=arn_of("f", "$LATEST")) == invalid(
        "We currently do not support adding policies for $LATEST."
    )
