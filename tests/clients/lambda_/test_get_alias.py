"""GetAlias. Semantics §1.6; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    alias_of,
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


def test_an_alias(client: Any) -> None:
    name = make(client, Publish=True)
    made = client.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="d")
    for given in (name, arn_of(name)):
        found = client.get_alias(FunctionName=given, Name="live")
        assert (status_of(found), body_of(found)) == (200, body_of(made))
    assert body_of(made) == alias_of(name, "live", Description="d")


def test_refusals(client: Any) -> None:
    name, gone = make(client), fresh_name()
    assert refused(client.get_alias, FunctionName=name, Name="a1") == not_found(
        f"Cannot find alias arn: {arn_of(name, 'a1')}"
    )
    assert refused(client.get_alias, FunctionName=gone, Name="a1") == not_found(
        f"Function not found: {arn_of(gone)}"
    )
    assert refused(client.get_alias, FunctionName=ABROAD, Name="a1") == unreachable()
    assert refused(client.get_alias, FunctionName=f"{name}:1", Name="a1") == unqualified_only()
