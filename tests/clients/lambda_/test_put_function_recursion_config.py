"""PutFunctionRecursionConfig. Semantics §1.14. The model's pattern takes whole functions only. What
it does to loops is `test_outcomes.py`'s."""

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

ALLOW = {"RecursiveLoop": "Allow"}


def test_allowed_and_not(client: Any) -> None:
    name = make(client)
    for setting in (ALLOW, {"RecursiveLoop": "Terminate"}):
        answer = client.put_function_recursion_config(FunctionName=name, **setting)
        assert (status_of(answer), body_of(answer)) == (200, setting)
        assert body_of(client.get_function_recursion_config(FunctionName=name)) == setting


def test_refusals(client: Any) -> None:
    put, gone = client.put_function_recursion_config, fresh_name()
    error = refused(put, FunctionName=gone, **ALLOW)
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(put, FunctionName=ABROAD, **ALLOW) == unreachable()
    assert refused(put, FunctionName="f:1", **ALLOW) == validation(
        "Value 'f:1' at 'functionName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)"
        r"))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)"
    )
