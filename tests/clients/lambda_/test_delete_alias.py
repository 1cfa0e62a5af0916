"""DeleteAlias. Semantics §1.6, quirk 4; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    make,
    not_found,
    refused,
    status_of,
    unqualified_only,
    unreachable,
)


def test_it_is_gone_and_may_be_gone_before(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="a1", FunctionVersion="1")
    for _ in range(2):
        answer = client.delete_alias(FunctionName=name, Name="a1")
        assert (status_of(answer), body_of(answer)) == (204, {})
    assert refused(client.get_alias, FunctionName=name, Name="a1") == not_found(
        f"Cannot find alias arn: {arn_of(name, 'a1')}"
    )
    assert refused(client.update_alias, FunctionName=name, Name="a1") == not_found(
        f"Alias not found: {arn_of(name, 'a1')}"
    )


def test_refusals(client: Any) -> None:
    gone = fresh_name()
    error = refused(client.delete_alias, FunctionName=gone, Name="a")
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(client.delete_alias, FunctionName=ABROAD, Name="a") == unreachable()
    assert refused(client.delete_alias, FunctionName=f"{gone}:1", Name="a") == unqualified_only()
