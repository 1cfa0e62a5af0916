"""ListVersionsByFunction. Semantics §1.5, quirk 5; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    LISTED,
    arn_of,
    body_of,
    configuration,
    fresh_name,
    make,
    not_found,
    refused,
    status_of,
    unqualified_only,
    unreachable,
)


def test_latest_comes_first(client: Any) -> None:
    name = make(client, Publish=True)
    expected = [
        configuration(name, Version=version, FunctionArn=arn_of(name, version), **LISTED)
        for version in ("$LATEST", "1")
    ]
    answer = client.list_versions_by_function(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, {"Versions": expected})
    pages = client.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1}
    )
    assert [page["Versions"] for page in pages] == [[version] for version in expected]


def test_refusals(client: Any) -> None:
    list_versions, gone = client.list_versions_by_function, fresh_name()
    error = refused(list_versions, FunctionName=gone)
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(list_versions, FunctionName=ABROAD) == unreachable()
    assert refused(list_versions, FunctionName=f"{gone}:1") == unqualified_only()
