"""ListAliases. Semantics §1.6; recorded."""

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
from support.server import LambdadServer


def test_whole_in_pages_and_by_version(server: LambdadServer, client: Any) -> None:
    name = make(client, Publish=True)
    assert body_of(client.list_aliases(FunctionName=name)) == {"Aliases": []}
    for alias_name, version in (("c", "1"), ("a", "1"), ("b", "$LATEST")):
        client.create_alias(FunctionName=name, Name=alias_name, FunctionVersion=version)
    whole = [alias_of(name, "a"), alias_of(name, "b", "$LATEST"), alias_of(name, "c")]
    answer = client.list_aliases(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, {"Aliases": whole})
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    assert [page["Aliases"] for page in pages] == [whole[:2], whole[2:]]
    some = client.list_aliases(FunctionName=name, FunctionVersion="1")
    assert body_of(some) == {"Aliases": [whole[0], whole[2]]}
    assert server.aws("lambda", "list-aliases", "--function-name", name) == {"Aliases": whole}


def test_refusals(client: Any) -> None:
    gone = fresh_name()
    error = refused(client.list_aliases, FunctionName=gone)
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(client.list_aliases, FunctionName=ABROAD) == unreachable()
    assert refused(client.list_aliases, FunctionName=f"{gone}:1") == unqualified_only()
