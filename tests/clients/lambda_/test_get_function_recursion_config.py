"""GetFunctionRecursionConfig. Semantics §1.14. The model's pattern takes whole functions only."""

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
    unreachable,
    validation,
)


def test_loops_are_ended_unless_said(client: Any) -> None:
    name = make(client)
    answer = client.get_function_recursion_config(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, {"RecursiveLoop": "Terminate"})
    allow = {"RecursiveLoop": "Allow"}
    client.put_function_recursion_config(FunctionName=name, **allow)
    assert body_of(client.get_function_recursion_config(FunctionName=arn_of(name))) == allow


def test_refusals(client: Any) -> None:
    get, gone = client.get_function_recursion_config, fresh_name()
    assert refused(get, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(get, FunctionName=ABROAD) == unreachable()
    assert refused(get, FunctionName="f:1") == validation(
        "Value 'f:1' at 'functionName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)"
        r"))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)"
    )
