"""GetResourcePolicy. API reference; the texts are GetPolicy's (semantics §1.8)."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    GONE,
    arn_of,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    status_of,
    unreachable,
)
from support.policies import decoded, grant, policy_of, statement


def test_a_policy(client: Any) -> None:
    name = make(client, Publish=True)
    client.add_permission(**grant(name))
    client.add_permission(**grant(name, Qualifier="1"))
    answer = client.get_resource_policy(ResourceArn=arn_of(name))
    assert (status_of(answer), decoded(answer)) == (200, policy_of(name))
    one = client.get_resource_policy(ResourceArn=arn_of(name, "1"))
    assert decoded(one) == policy_of(name, statement(arn_of(name, "1")))


def test_refusals(client: Any) -> None:
    name = make(client)
    get = client.get_resource_policy
    for arn in (arn_of(name), arn_of(name, "none"), arn_of(fresh_name())):
        assert refused(get, ResourceArn=arn) == not_found(GONE)
    assert refused(get, ResourceArn=ABROAD) == unreachable()
    assert refused(get, ResourceArn=arn_of(name, "$LATEST")) == invalid(
        "We currently do not support adding policies for $LATEST."
    )
