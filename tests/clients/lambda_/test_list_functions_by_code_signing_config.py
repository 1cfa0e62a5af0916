"""ListFunctionsByCodeSigningConfig. Semantics §1.14; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import arn_of, body_of, make, refused, status_of
from support.layers import make_signing_config, no_signing_config
from support.tags import MISSING_CONFIG


def test_by_name_and_in_pages(client: Any) -> None:
    at = {"CodeSigningConfigArn": make_signing_config(client)}
    functions = client.list_functions_by_code_signing_config
    assert body_of(functions(**at)) == {"FunctionArns": []}
    arns = sorted(arn_of(make(client, **at)) for _ in range(2))
    answer = functions(**at)
    assert (status_of(answer), body_of(answer)) == (200, {"FunctionArns": arns})
    page = body_of(functions(**at, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"FunctionArns": arns[:1]}
    assert body_of(functions(**at, Marker=marker)) == {"FunctionArns": arns[1:]}


def test_one_that_is_not_there(client: Any) -> None:
    call = client.list_functions_by_code_signing_config
    error = refused(call, CodeSigningConfigArn=MISSING_CONFIG)
    assert error == no_signing_config(MISSING_CONFIG)
