"""DeleteFunctionCodeSigningConfig. Semantics §1.14; recorded."""

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


def test_it_is_gone_and_may_be_gone_before(client: Any) -> None:
    name = make(client, CodeSigningConfigArn=make_signing_config(client))
    for _ in range(2):
        answer = client.delete_function_code_signing_config(FunctionName=name)
        assert (status_of(answer), body_of(answer)) == (204, {})
    found = client.get_function_code_signing_config(FunctionName=name)
    assert body_of(found) == {"FunctionName": name}


def test_refusals(client: Any) -> None:
    delete, gone = client.delete_function_code_signing_config, fresh_name()
    assert refused(delete, FunctionName=gone) == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(delete, FunctionName=ABROAD) == unreachable()
    assert refused(delete, FunctionName=f"{gone}:1") == unqualified_only()
