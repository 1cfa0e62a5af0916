"""PutFunctionConcurrency. Semantics §1.9, quirks 6, 9 and 15; recorded. How throttling goes is
`test_concurrency.py`'s."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    not_found,
    refused,
    status_of,
    unqualified_only,
    unreachable,
    untyped,
    validation,
)
from support.server import LambdadServer


def test_it_replaces_what_is_reserved(client: Any) -> None:
    name = make(client)
    for amount in (0, 7, 3):
        reserved = {"ReservedConcurrentExecutions": amount}
        answer = client.put_function_concurrency(FunctionName=name, **reserved)
        assert (status_of(answer), body_of(answer)) == (200, reserved)
        assert body_of(client.get_function_concurrency(FunctionName=name)) == reserved
        assert client.get_function(FunctionName=name)["Concurrency"] == reserved
    client.delete_function_concurrency(FunctionName=name)


def test_something_is_left_for_the_others(client: Any) -> None:
    message = (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    given = {"FunctionName": make(client), "ReservedConcurrentExecutions": 901}
    error = untyped("InvalidParameterValueException", 400, message) | {"message": message}
    assert refused(client.put_function_concurrency, **given) == error


def test_not_less_than_what_is_provisioned(client: Any) -> None:
    name = make(client, Publish=True)
    client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=2
    )
    given = {"FunctionName": name, "ReservedConcurrentExecutions": 1}
    assert refused(client.put_function_concurrency, **given) == invalid(
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )
    client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")


def test_refusals(client: Any) -> None:
    put, gone, one = (
        client.put_function_concurrency,
        fresh_name(),
        {"ReservedConcurrentExecutions": 1},
    )
    error = refused(put, FunctionName=gone, **one)
    assert error == not_found(f"Function not found: {arn_of(gone, '$LATEST')}")
    assert refused(put, FunctionName=ABROAD, **one) == unreachable()
    assert refused(put, FunctionName=f"{gone}:1", **one) == unqualified_only()
    negative = {"FunctionName": gone, "ReservedConcurrentExecutions": -1}
    assert refused(put, **negative) == validation(
        "Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must "
        "have value greater than or equal to 0"
    )


def test_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    at = ("--function-name", make(client))
    two = {"ReservedConcurrentExecutions": 2}
    words = ("--reserved-concurrent-executions", "2")
    assert server.aws("lambda", "put-function-concurrency", *at, *words) == two
    assert server.aws("lambda", "get-function-concurrency", *at) == two
    server.aws("lambda", "delete-function-concurrency", *at)
