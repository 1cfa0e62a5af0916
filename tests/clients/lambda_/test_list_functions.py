"""ListFunctions. Semantics §1.5, quirks 5 and 41; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    LISTED,
    arn_of,
    body_of,
    configuration,
    lambda_of,
    make,
    refused,
    status_of,
    validation,
)
from support.server import LambdadServer

REGION = "ap-northeast-3"
"""Where no other test makes functions."""


def test_the_whole_answer(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    assert body_of(client.list_functions()) == {"Functions": []}
    names = sorted(make(client) for _ in range(2))
    first, second = (
        configuration(name, FunctionArn=arn_of(name, region=REGION), **LISTED) for name in names
    )
    answer = client.list_functions()
    assert (status_of(answer), body_of(answer)) == (200, {"Functions": [first, second]})
    page = client.list_functions(MaxItems=1)
    assert body_of(page) == {"Functions": [first], "NextMarker": page["NextMarker"]}
    assert body_of(client.list_functions(Marker=page["NextMarker"])) == {"Functions": [second]}


def test_lists_and_pages(client: Any) -> None:
    names = sorted(make(client, Publish=True) for _ in range(3))

    def listed(**params: Any) -> list[dict[str, Any]]:
        pages = client.get_paginator("list_functions").paginate(**params)
        found = [function for page in pages for function in page["Functions"]]
        return [function for function in found if function["FunctionName"] in names]

    assert listed() == [configuration(name, **LISTED) for name in names]
    assert listed(PaginationConfig={"PageSize": 1}) == listed()
    every = [
        configuration(name, Version=version, FunctionArn=arn_of(name, version), **LISTED)
        for name in names
        for version in ("$LATEST", "1")
    ]
    assert listed(FunctionVersion="ALL", PaginationConfig={"PageSize": 1}) == every


def test_refusals(client: Any) -> None:
    error = refused(client.list_functions, FunctionVersion="some")
    assert error == validation(
        "Value 'some' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum "
        "value set: [ALL]"
    )
    error = refused(client.list_functions, MaxItems=0)
    assert error == validation(
        "Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater "
        "than or equal to 1"
    )
