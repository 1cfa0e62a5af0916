"""GetFunctionCodeSigningConfig. Semantics §1.14; recorded: without one there is only the name."""

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
from support.layers import make_signing_config


def test_with_one_and_without(client: Any) -> None:
    plain, at = make(client), {"CodeSigningConfigArn": make_signing_config(client)}
    answer = client.get_function_code_signing_config(FunctionName=plain)
    assert (status_of(answer), body_of(answer)) == (200, {"FunctionName": plain})
    name = make(client, **at)
    answer = client.get_function_code_signing_config(FunctionName=arn_of(name))
    assert body_of(answer) == {"FunctionName": name} | at


def test_refusals(client: Any) -> None:
    get, gone = client.get_function_code_signing_config, fresh_name()
    assert refused(get, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(get, FunctionName=ABROAD) == unreachable()
    assert refused(get, FunctionName=f"{gone}:1") == unqualified_only()
