"""DeleteFunctionConcurrency. Semantics §1.9; recorded."""

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
    name = make(client)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    for _ in range(2):
        answer = client.delete_function_concurrency(FunctionName=name)
        assert (status_of(answer), body_of(answer)) == (204, {})
        assert body_of(client.get_function_concurrency(FunctionName=name)) == {}
        assert "Concurrency" not in client.get_function(FunctionName=name)


def test_refusals(client: Any) -> None:
    delete, gone = client.delete_function_concurrency, fresh_name()
    assert refused(delete, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(delete, FunctionName=ABROAD) == unreachable()
    assert refused(delete, FunctionName=f"{gone}:1") == unqualified_only()
