"""RemovePermission. Semantics §1.8; recorded."""

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
    stale,
    status_of,
    unreachable,
)
from support.policies import decoded, grant, policy_of, statement


def test_with_the_last_statement_the_policy_is_gone(client: Any) -> None:
    name = make(client)
    for sid in ("s", "t"):
        client.add_permission(**grant(name, sid))
    removed = client.remove_permission(FunctionName=name, StatementId="s")
    assert (status_of(removed), body_of(removed)) == (204, {})
    policy = client.get_policy(FunctionName=name)
    assert decoded(policy) == policy_of(name, statement(arn_of(name), "t"))
    removed = client.remove_permission(
        FunctionName=name, StatementId="t", RevisionId=policy["RevisionId"]
    )
    assert (status_of(removed), body_of(removed)) == (204, {})
    assert refused(client.get_policy, FunctionName=name) == not_found(GONE)


def test_of_a_qualifier(client: Any) -> None:
    name = make(client, Publish=True)
    client.add_permission(**grant(name))
    client.add_permission(**grant(name, Qualifier="1"))
    client.remove_permission(FunctionName=f"{name}:1", StatementId="s")
    assert refused(client.get_policy, FunctionName=f"{name}:1") == not_found(GONE)
    assert decoded(client.get_policy(FunctionName=name)) == policy_of(name)


def test_refusals(client: Any) -> None:
    name, gone = make(client), fresh_name()

    def refusal(given: str, **more: str) -> dict[str, Any]:
        params = {"FunctionName": given, "StatementId": "x"} | more
        return refused(client.remove_permission, **params)

    assert refusal(gone) == not_found(f"No policy found for: {arn_of(gone)}")
    assert refusal(name) == not_found("No policy is associated with the given resource.")
    assert refusal(f"{name}:no") == not_found(f"Cannot find alias arn: {arn_of(name, 'no')}")
    assert refusal(f"{name}:7") == not_found(f"Function not found: {arn_of(name, '7')}")
    assert refusal(f"{name}:1", Qualifier="2") == mismatch()
    assert refusal(ABROAD) == unreachable()
    client.add_permission(**grant(name))
    assert refusal(name) == not_found("Statement x is not found in resource policy.")
    assert refusal(name, StatementId="s", RevisionId="wrong") == stale("GetPolicy")
