"""UpdateFunctionUrlConfig. Semantics §1.12; recorded."""

from __future__ import annotations

from typing import Any

from support.function_url_configs import no_function, url_config
from support.lambda_client import (
    ABROAD,
    GONE,
    body_of,
    fresh_name,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
)


def test_what_is_absent_stays(client: Any) -> None:
    """Cors is replaced whole; the address never changes."""
    name = make(client)
    made = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 5}
    )
    update = client.update_function_url_config
    answer = update(FunctionName=name, AuthType="AWS_IAM")
    same = {"FunctionUrl": made["FunctionUrl"], "CreationTime": made["CreationTime"]}
    expected = url_config(
        name, **same, AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"], "MaxAge": 5}
    )
    del expected["InvokeMode"]
    assert (status_of(answer), body_of(answer)) == (200, expected)
    cors, mode = {"AllowMethods": ["GET"]}, {"InvokeMode": "RESPONSE_STREAM"}
    answer = update(FunctionName=name, Cors=cors, **mode)
    expected = url_config(name, **same, AuthType="AWS_IAM", Cors=cors, **mode)
    assert body_of(answer) == expected
    assert body_of(client.get_function_url_config(FunctionName=name)) == expected


def test_refusals(client: Any) -> None:
    update, name = client.update_function_url_config, make(client)
    assert refused(update, FunctionName=name) == not_found(GONE)
    for given in (fresh_name(), f"{name}:none"):
        assert refused(update, FunctionName=given) == no_function()
    assert refused(update, FunctionName=ABROAD) == unreachable()
    assert refused(update, FunctionName=f"{name}:a", Qualifier="b") == mismatch()
