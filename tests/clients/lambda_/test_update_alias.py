"""UpdateAlias. Semantics §1.6; recorded."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    alias_of,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    settled,
    stale,
    status_of,
    unqualified_only,
    unreachable,
    weights,
)


@pytest.fixture(scope="module")
def two(client: Any) -> str:
    """A function with versions 1 and 2."""
    name = make(client, Publish=True)
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    client.publish_version(FunctionName=name)
    return name


def test_what_is_absent_stays(client: Any, two: str) -> None:
    """RoutingConfig `{}` clears the weights; every update gives a new revision."""
    made = client.create_alias(
        FunctionName=two, Name="a1", FunctionVersion="1", Description="d", **weights(v2=0.25)
    )
    cleared = client.update_alias(
        FunctionName=two, Name="a1", RevisionId=made["RevisionId"], RoutingConfig={}
    )
    assert (status_of(cleared), body_of(cleared)) == (200, alias_of(two, "a1", Description="d"))
    moved = client.update_alias(FunctionName=two, Name="a1", FunctionVersion="2", Description="")
    assert body_of(moved) == alias_of(two, "a1", "2")
    same = client.update_alias(FunctionName=two, Name="a1")
    assert body_of(same) == alias_of(two, "a1", "2")
    weighted = client.update_alias(FunctionName=two, Name="a1", **weights(v1=0.5))
    assert body_of(weighted) == alias_of(two, "a1", "2", **weights(v1=0.5))
    revisions = {each["RevisionId"] for each in (made, cleared, moved, same, weighted)}
    assert len(revisions) == 5
    assert body_of(client.get_alias(FunctionName=two, Name="a1")) == body_of(weighted)


def test_refusals(client: Any, two: str) -> None:
    client.create_alias(FunctionName=two, Name="a2", FunctionVersion="1")
    at = {"FunctionName": two, "Name": "a2"}
    assert refused(client.update_alias, **at, RevisionId="wrong") == stale()
    assert refused(client.update_alias, **at, FunctionVersion="10") == not_found(
        f"Function not found: {arn_of(two, '10')}"
    )
    assert refused(client.update_alias, **at, **weights(v1=0.5)) == invalid(
        "Invalid function version 1. Function version 1 is already included in routing "
        "configuration."
    )
    assert body_of(client.get_alias(**at)) == alias_of(two, "a2")


def test_what_is_not_there(client: Any, two: str) -> None:
    update, gone = client.update_alias, fresh_name()
    assert refused(update, FunctionName=two, Name="none") == not_found(
        f"Alias not found: {arn_of(two, 'none')}"
    )
    assert refused(update, FunctionName=gone, Name="none") == not_found(
        f"Function not found: {arn_of(gone)}"
    )
    assert refused(update, FunctionName=ABROAD, Name="none") == unreachable()
    assert refused(update, FunctionName=f"{two}:1", Name="none") == unqualified_only()
