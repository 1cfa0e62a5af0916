"""PutFunctionCodeSigningConfig. Semantics §1.14; recorded. What it forbids then is in the files of
the operations that deploy code."""

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
    user_error,
)
from support.layers import make_signing_config
from support.tags import MISSING_CONFIG


def test_it_replaces_another(client: Any) -> None:
    name = make(client)
    for arn in (make_signing_config(client), make_signing_config(client)):
        has = {"FunctionName": name, "CodeSigningConfigArn": arn}
        answer = client.put_function_code_signing_config(**has)
        assert (status_of(answer), body_of(answer)) == (200, has)
        assert body_of(client.get_function_code_signing_config(FunctionName=name)) == has


def test_refusals(client: Any) -> None:
    put, name, gone = client.put_function_code_signing_config, make(client), fresh_name()
    at = {"CodeSigningConfigArn": make_signing_config(client)}
    error = refused(put, FunctionName=gone, **at)
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(put, FunctionName=ABROAD, **at) == unreachable()
    assert refused(put, FunctionName=f"{name}:1", **at) == unqualified_only()
    error = refused(put, FunctionName=name, CodeSigningConfigArn=MISSING_CONFIG)
    assert error == user_error(
        "CodeSigningConfigNotFoundException",
        404,
        "The code signing configuration cannot be found. Check that the provided configuration is "
        f"not deleted: {MISSING_CONFIG}.",
        "Message",
    )
