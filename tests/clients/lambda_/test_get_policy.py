"""GetPolicy. Semantics §1.8, quirk 6; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    GONE,
    arn_of,
    body_of,
    fresh_name,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
)
from support.policies import decoded, grant, policy_of, statement


def test_a_policy(client: Any) -> None:
    """Each qualifier has its own; the same policy is GetResourcePolicy's."""
    name = make(client, Publish=True)
    client.add_permission(**grant(name))
    answer = client.get_policy(FunctionName=name)
    assert (status_of(answer), decoded(answer)) == (200, policy_of(name))
    assert body_of(client.get_resource_policy(ResourceArn=arn_of(name))) == body_of(answer)
    client.add_permission(**grant(name, "one", Qualifier="1"))
    found = client.get_policy(FunctionName=name, Qualifier="1")
    assert decoded(found) == policy_of(name, statement(arn_of(name, "1"), "one"))
    assert body_of(client.get_policy(FunctionName=f"{name}:1")) == body_of(found)


def test_none(client: Any) -> None:
    """Neither a policy, nor a qualifier, nor a function: all the same."""
    name = make(client)
    for given in (name, f"{name}:1", f"{name}:none", f"{name}:$LATEST", fresh_name()):
        assert refused(client.get_policy, FunctionName=given) == not_found(GONE)


def test_refusals(client: Any) -> None:
    assert refused(client.get_policy, FunctionName="f:1", Qualifier="2") == mismatch()
    assert refused(client.get_policy, FunctionName=ABROAD) == unreachable()
