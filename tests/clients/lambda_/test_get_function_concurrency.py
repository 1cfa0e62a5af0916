"""GetFunctionConcurrency. Semantics §1.9; recorded."""

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


def test_what_is_reserved(client: Any) -> None:
    """Nothing at all where nothing is."""
    name = make(client)
    answer = client.get_function_concurrency(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, {})
    for amount in (0, 4):
        reserved = {"ReservedConcurrentExecutions": amount}
        client.put_function_concurrency(FunctionName=name, **reserved)
        assert body_of(client.get_function_concurrency(FunctionName=arn_of(name))) == reserved
    client.delete_function_concurrency(FunctionName=name)


def test_refusals(client: Any) -> None:
    get, gone = client.get_function_concurrency, fresh_name()
    assert refused(get, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(get, FunctionName=ABROAD) == unreachable()
    assert refused(get, FunctionName=f"{gone}:1") == unqualified_only()
